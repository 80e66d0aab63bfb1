# Runs in the scanner: one wire to the victim, to which everything is routed. $1: the victim's anchor.
# Without IPv6, whose neighbour discovery would be counted on the wire.
inside="nsenter --net=/proc/$1/ns/net"
for run in '' "$inside"; do
    $run sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
done
ip link add wire0 address 02:00:00:00:00:01 type veth \
    peer name wire0 address 02:00:00:00:00:02 netns "/proc/$1/ns/net"
ip addr add 198.51.100.10/24 dev wire0
ip link set lo up
ip link set wire0 up
$inside ip addr add 198.51.100.20/24 dev wire0
$inside ip link set lo up
$inside ip link set wire0 up
ip route add default via 198.51.100.20
# The victim's address is known from the beginning, so that no packet waits for an answer.
ip neigh replace 198.51.100.20 lladdr 02:00:00:00:00:02 dev wire0
$inside ip neigh replace 198.51.100.10 lladdr 02:00:00:00:00:01 dev wire0
