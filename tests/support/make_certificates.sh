#!/bin/sh
# make_certificates.sh FOLDER: certificates for a test, which last a month.
#   ca.pem             an authority; foreign-ca.pem is another one
#   server.pem, .key   for localhost and storage.test, of that authority
#   renewed.pem        the same with the same key, made later
#   soon.pem           the same, but it ends in 5 days
#   expired.pem        the same, but it ended yesterday
#   rsa.pem, rsa.key   for localhost, with an RSA key
#   other.key          belongs to none of them; locked.key has a passphrase
set -eu
cd "$1"
exec 2>openssl.log

make_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

# make_authority NAME
make_authority() {
    make_key "$1.key"
    openssl req -x509 -new -key "$1.key" -out "$1.pem" -days 30 -subj "/CN=$1 of a test" \
        -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign'
}

# sign NAME KEY DAYS
sign() {
    openssl req -new -key "$2" -out request.csr -subj '/CN=localhost'
    openssl x509 -req -in request.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days "$3" -extfile names -out "$1"
}

printf 'subjectAltName=DNS:localhost,DNS:storage.test,IP:127.0.0.1\n' >names
make_authority ca
make_authority foreign-ca
make_key server.key
make_key other.key
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key
openssl pkey -in server.key -aes128 -passout pass:secret -out locked.key
sign server.pem server.key 30
sign renewed.pem server.key 31
sign soon.pem server.key 5
sign expired.pem server.key -1
sign rsa.pem rsa.key 30
chmod 600 ./*.key
