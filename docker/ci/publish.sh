#!/usr/bin/env bash
# Builds the images, pushes them, and pins specs and overlay to their digests.
#   docker/ci/publish.sh registry.example.org/team <tag> <overlay>
# Use a commit as the tag. An image that the registry already has under it is not built again.
# Specs name images of this registry; their digests are written into the specs before those are
# copied into the images of stages and Airflow. build/release then is an overlay to apply, whose
# policies admit images of this registry only.
set -euo pipefail
cd "$(dirname "$0")/../.."

registry=${1:?"registry expected"} tag=${2:?"tag expected"} overlay=${3:?"overlay expected"}
release=build/release
mkdir -p "$release"
cat >"$release/kustomization.yaml" <<END
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - ../../docker/kubernetes/overlays/$overlay
patches:
  - target: {kind: ConfigMap, name: slipway-policy}
    patch: |-
      - {op: replace, path: /data/stage-images, value: $registry/slipway-stages}
      - op: replace
        path: /data/server-images
        value: $registry/slipway-server $registry/slipway-shipper
images:
END

digest_of() {
    docker buildx imagetools inspect "$1" --format '{{.Manifest.Digest}}' 2>/dev/null
}

publish() { # name dockerfile [option of the build …]
    local image=$registry/slipway-$1 dockerfile=$2 digest
    if ! digest=$(digest_of "$image:$tag"); then
        docker buildx build --push --sbom=true --provenance=mode=max \
            --file "docker/$dockerfile" --tag "$image:$tag" \
            --build-arg GIT_COMMIT="$(git rev-parse HEAD)" "${@:3}" .
        digest=$(digest_of "$image:$tag")
    fi
    echo "$image@$digest"
    find include/models include/datasets -name '*.yaml' \
        -exec sed -i -E "s#$image[:@][A-Za-z0-9._:-]+#$image@$digest#" {} +
    for name in "$image" "registry.example.org/slipway-$1"; do
        printf -- '  - {name: %s, newName: %s, digest: "%s"}\n' "$name" "$image" "$digest" \
            >>"$release/kustomization.yaml"
    done
}

publish server server.Dockerfile
publish shipper server.Dockerfile --target shipper
publish mlflow mlflow.Dockerfile
# These images hold the specs, whose digests are written by now.
publish stages stages.Dockerfile
publish airflow airflow.Dockerfile --build-arg RUNTIME="${AIRFLOW_RUNTIME:-local}"
