#!/usr/bin/env bash
# Prints `network/api-server.yaml` of an overlay for the cluster of the current kubeconfig: the
# addresses and ports behind the Service `kubernetes`, with which most networks compare.
#   docker/kubernetes/tools/api-server.sh > docker/kubernetes/overlays/staging/network/api-server.yaml
set -euo pipefail

found=$(kubectl get endpointslices --namespace default \
    --selector kubernetes.io/service-name=kubernetes \
    --output 'jsonpath={range .items[*]}{range .ports[*]}{.port}{" "}{end}{range .endpoints[*]}{.addresses[0]}{" "}{end}{"\n"}{end}')

echo "- op: replace"
echo "  path: /spec/egress"
echo "  value:"
while read -r port addresses; do
    [[ $port =~ ^[0-9]+$ && -n $addresses ]] || { echo "no address found: $port $addresses" >&2; exit 1; }
    echo "    - to:"
    for address in $addresses; do
        [[ $address == *:* ]] && bits=128 || bits=32
        echo "        - ipBlock: {cidr: \"$address/$bits\"}"
    done
    echo "      ports:"
    echo "        - {protocol: TCP, port: $port}"
done <<<"$found"
