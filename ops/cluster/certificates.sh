#!/bin/sh
# Makes a certificate authority and, signed by it, a certificate for the nodes of a cluster, on P-256 keys:
#
#   sh ops/cluster/certificates.sh FOLDER NAME…
#
# A NAME is a host name or an IPv4 address that a node is called by. FOLDER gets ca.pem, node.pem and
# node-key.pem, and ca-key.pem, which no node needs. An authority that is there already is kept.
set -eu

folder=$1
shift
[ $# -gt 0 ] || { echo "usage: certificates.sh FOLDER NAME..." >&2; exit 2; }
umask 077
mkdir -p "$folder"
cd "$folder"

names=
for name in "$@"; do
  case $name in
    *[!0-9.]*) names="$names,DNS:$name" ;;
    *) names="$names,IP:$name" ;;
  esac
done

key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"; }

if [ ! -f ca.pem ]; then
  key ca-key.pem
  openssl req -x509 -new -key ca-key.pem -sha256 -days 3650 -subj "/CN=Wyvern cluster" -out ca.pem.new
  mv ca.pem.new ca.pem
fi

# A node is a server to its clients, and a client to the other nodes.
cat > node.ext <<END
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = ${names#,}
END
key node-key.pem
openssl req -new -key node-key.pem -subj "/CN=Wyvern node" -out node.csr
openssl x509 -req -in node.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -sha256 -days 825 \
  -extfile node.ext -out node.pem.new 2>/dev/null
mv node.pem.new node.pem
rm -f node.csr node.ext
