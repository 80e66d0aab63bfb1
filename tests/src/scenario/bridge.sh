# A container's network as Docker makes it: a namespace behind a bridge, with addresses translated.
set -eu
mkdir -p /run/netns
ip netns add web
ip link add docker0 type bridge
ip addr add 172.17.0.1/16 dev docker0
ip link set docker0 up
ip link add veth0 type veth peer name eth0 netns web
ip link set veth0 master docker0
ip link set veth0 up
ip -n web addr add 172.17.0.2/16 dev eth0
ip -n web link set lo up
ip -n web link set eth0 up
ip -n web route add default via 172.17.0.1
echo 1 >/proc/sys/net/ipv4/ip_forward
nft -f - <<RULES
table ip nat {
    chain out { type nat hook postrouting priority srcnat; ip saddr 172.17.0.0/16 oifname != "docker0" masquerade; }
}
RULES
