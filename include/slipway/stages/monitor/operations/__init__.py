"""Operations and security of a window, by Prometheus."""
