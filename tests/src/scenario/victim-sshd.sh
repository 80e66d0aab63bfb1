# A real sshd on the victim that lets nobody in, in a mount namespace of its own.
exec unshare --mount sh -eu -c '
mount -t tmpfs lab /run
mkdir /run/sshd
ssh-keygen -q -t ed25519 -N "" -f /run/sshd/key
printf "HostKey /run/sshd/key\nUsePAM no\nPidFile none\nMaxStartups 100\n" >/run/sshd/config
echo ready
exec /usr/sbin/sshd -D -e -f /run/sshd/config'
