#!/bin/sh
# Lays out the root of the bot's image: the program, the libraries that it is linked to, certificates, and a user that is
# not root. Used by the Containerfile and, without a container engine, by image.sh.
#   image-root.sh PROGRAM DIRECTORY
set -eu
program=$1
image=$2
# Whatever the caller's folder and mask allow: the image is read by a user that is not root.
umask 022
mkdir -p "$image"
chmod 0755 "$image"
install -D -m 0755 "$program" "$image/usr/bin/gumshoe"
# Names are resolved by the C library itself (glibc 2.34 and later), so what ldd names is all that it needs.
ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
    install -D -m 0755 "$library" "$image$library"
done
install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$image/etc/ssl/certs/ca-certificates.crt"
install -d -m 0700 "$image/var/lib/gumshoe"
echo 'gumshoe:x:65532:65532::/var/lib/gumshoe:/usr/bin/false' >"$image/etc/passwd"
echo 'gumshoe:x:65532:' >"$image/etc/group"
echo 'hosts: files dns' >"$image/etc/nsswitch.conf"
