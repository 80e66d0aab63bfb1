# Runs in the router: joins the hosts, and nothing else. $1, $2, $3: anchors of instance, victim, laptop.
# No interface of this machine is part of it: there is no route out.

link() { # name in the router, anchor, interface, host's address, router's address
    ip link add "$1" type veth peer name "$3" netns "/proc/$2/ns/net"
    ip addr add "$5/24" dev "$1"
    ip link set "$1" up
    inside="nsenter --net=/proc/$2/ns/net"
    $inside ip addr add "$4/24" dev "$3"
    $inside ip link set lo up
    $inside ip link set "$3" up
    $inside ip route add default via "$5"
}
ip link set lo up
link vpc "$1" ens5 10.0.1.10 10.0.1.1
link net-victim "$2" eth0 198.51.100.20 198.51.100.1
link net-laptop "$3" eth0 203.0.113.7 203.0.113.1

# The VPC's resolver has its base address plus two.
ip addr add 10.0.0.2/32 dev lo
echo 1 >/proc/sys/net/ipv4/ip_forward

# An internet gateway translates one Elastic IP to one private address, both ways.
nft -f - <<RULES
table ip gateway {
    chain inbound { type nat hook prerouting priority dstnat; ip daddr 192.0.2.10 dnat to 10.0.1.10; }
    chain outbound { type nat hook postrouting priority srcnat; oifname != "vpc" ip saddr 10.0.1.10 snat to 192.0.2.10; }
}
RULES

# The victim answers each closed UDP port at once, as many systems do, and notes which ports were tried.
nsenter --net="/proc/$2/ns/net" sh -eu -c '
    echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
    nft -f - <<RULES
table ip seen {
    set tcp_ports { type inet_service; flags dynamic; size 65535; }
    set udp_ports { type inet_service; flags dynamic; size 65535; }
    counter tcp_syns { }
    counter udp_datagrams { }
    chain input {
        type filter hook input priority -10; policy accept;
        ip daddr != 198.51.100.20 accept
        tcp flags & (syn | ack) == syn counter name tcp_syns
        tcp flags & (syn | ack) == syn add @tcp_ports { tcp dport }
        meta l4proto udp counter name udp_datagrams
        meta l4proto udp add @udp_ports { udp dport }
    }
}
RULES'
