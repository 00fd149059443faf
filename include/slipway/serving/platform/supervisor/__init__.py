"""The supervisor: download versions, start their servers, watch and restart them."""
