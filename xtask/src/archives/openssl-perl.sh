#!/bin/sh
# Stands in for perl where the crate openssl-src builds OpenSSL: it has no other way to say what is left out. `perl` has to be in
# its name, because scripts are generated that name it in their first line, and perl hands those to what is not called so.
#
# Kept is what TLS 1.2 and 1.3 and SSH need with certificates and servers of today, post-quantum key exchange included.
# Left out are protocols that nothing here speaks (QUIC, DTLS, CMP, CMS, time stamps, SRP) and ciphers, digests and
# signatures that no such server asks for. Optimised for size: the assembler parts, which do the bulk of the work, stay.
set -eu
case "$*" in
./Configure*)
    # The Makefile asks this for its perl, too.
    PERL=$0 perl "$@" -Os \
        no-apps no-docs no-argon2 no-aria no-bf no-blake2 no-cast no-cmp no-cms no-ct no-des no-dsa no-dtls no-ec2m \
        no-gost no-http no-lms no-md4 no-mdc2 no-ml-dsa no-multiblock no-nextprotoneg no-ocb no-ocsp no-quic no-rc2 \
        no-rc4 no-rfc3779 no-rmd160 no-scrypt no-siphash no-siv no-slh-dsa no-sm2 no-sm3 no-sm4 no-srp no-srtp no-ts \
        no-thread-pool no-tls-deprecated-ec no-ui-console no-whirlpool
    # Where modules would be looked for is compiled in, though none are built: not a folder of the machine that built it.
    sed -i 's|^MODULESDIR=.*|MODULESDIR=/usr/local/lib/ossl-modules|' Makefile
    ;;
# AES-GCM for AVX-512 alone is a fortieth of the program. These scripts ask the compiler whether it knows the instructions,
# and leave the functions out where an old one answers; AVX2 and AES-NI, which are taken then, move gigabytes a second.
*avx512*) CC="echo clang version 6.0.0" exec perl "$@" ;;
*) exec perl "$@" ;;
esac
