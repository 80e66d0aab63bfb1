# The accused host: its own users, files, logs and devices over this machine's programs.
# $1: the lab's directory. Runs as the first process of the host's private mount namespace.
hostname ip-10-0-1-10
ip link set lo up

# Programs and state of this machine shine through; what is written stays in memory.
stage="$1/stage"
mkdir "$stage"
mount -t tmpfs -o mode=0755 lab "$stage"
for top in etc usr var; do
    mkdir "$stage/$top" "$stage/$top.work"
    mount -t overlay -o "lowerdir=/$top,upperdir=$stage/$top,workdir=$stage/$top.work" "lab-$top" "/$top"
done
keys="$(cat "$1"/keys/*.pub)"

mount -t tmpfs -o mode=0755 lab /home
mount -t tmpfs -o mode=0700 lab /root
mount -t tmpfs -o mode=1777 lab /tmp
mount -t tmpfs -o mode=0755 lab /var/log
mount -t tmpfs -o mode=0755 lab /srv
mkdir -p /var/lib/host-recorder /var/lib/amazon/ssm
chmod 0700 /var/lib/host-recorder
mount -t tmpfs -o mode=0700 lab /var/lib/host-recorder

# Devices: the ones that every container gets, and a syslog socket of its own.
mkdir "$stage/dev"
mount -t tmpfs -o mode=0755 lab "$stage/dev"
for node in null zero full random urandom tty; do
    : >"$stage/dev/$node"
    mount --bind "/dev/$node" "$stage/dev/$node"
done
mkdir "$stage/dev/pts" "$stage/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 lab "$stage/dev/pts"
mount -t tmpfs -o mode=1777 lab "$stage/dev/shm"
ln -s pts/ptmx "$stage/dev/ptmx"
ln -s /proc/self/fd "$stage/dev/fd"
for stream in stdin:0 stdout:1 stderr:2; do
    ln -s "/proc/self/fd/${stream#*:}" "$stage/dev/${stream%:*}"
done
mount --move "$stage/dev" /dev

# /run comes last: the lab's directory lies in it.
mount -t tmpfs -o mode=0755 lab /run
mkdir -p /run/sshd /run/lock /run/user
chmod 1777 /run/lock
: >/run/utmp
: >/var/log/wtmp
: >/var/log/btmp
: >/var/log/lastlog
chmod 0660 /var/log/btmp

# Names.
cat >/etc/hosts <<'END'
127.0.0.1 localhost
10.0.1.10 ip-10-0-1-10.ec2.internal ip-10-0-1-10
END
rm -f /etc/resolv.conf
cat >/etc/resolv.conf <<'END'
nameserver 10.0.0.2
search ec2.internal
options timeout:1 attempts:1
END
echo ip-10-0-1-10 >/etc/hostname

# People and accounts. A user of this machine with such a name is another person: not here.
for user in alice bob deploy; do
    userdel -f "$user" >/dev/null 2>&1 || :
    useradd -m -s /bin/bash "$user"
    mkdir -m 0700 "/home/$user/.ssh"
    echo "$keys" | grep " $user@lab\$" >"/home/$user/.ssh/authorized_keys"
    chmod 0600 "/home/$user/.ssh/authorized_keys"
    chown -R "$user:$user" "/home/$user/.ssh"
done
rm -f /etc/nologin /etc/sudoers.d/*
cat >/etc/sudoers <<'END'
Defaults env_reset
Defaults mail_badpass
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Defaults use_pty
root ALL=(ALL:ALL) ALL
@includedir /etc/sudoers.d
END
echo 'alice ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/90-people
chmod 0440 /etc/sudoers /etc/sudoers.d/90-people

# sshd as Debian ships it, with a host key of this run.
rm -f /etc/ssh/ssh_host_* /etc/ssh/sshd_config.d/*
ssh-keygen -q -t ed25519 -N '' -C "root@ip-10-0-1-10" -f /etc/ssh/ssh_host_ed25519_key
cat >/etc/ssh/sshd_config <<'END'
HostKey /etc/ssh/ssh_host_ed25519_key
KbdInteractiveAuthentication no
UsePAM yes
X11Forwarding no
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
END

# Some machines ask the network for news at each login.
rm -f /etc/update-motd.d/*

# rsyslog as Debian ships it, without the kernel's messages, which are this machine's.
cat >/etc/rsyslog.conf <<'END'
module(load="imuxsock" SysSock.Use="on" SysSock.Name="/dev/log")
$FileOwner root
$FileGroup adm
$FileCreateMode 0640
$Umask 0022
$WorkDirectory /var/spool/rsyslog
auth,authpriv.*                 /var/log/auth.log
*.*;auth,authpriv.none;cron.none -/var/log/syslog
cron.*                          -/var/log/cron.log
END
mkdir -p /var/spool/rsyslog

# Ordinary work: one real crontab and two programs that the noise runs.
rm -rf /etc/crontab /etc/cron.*/* /var/spool/cron/crontabs/*
cat >/usr/local/bin/report-health <<'END'
#!/bin/sh
uptime >/dev/null
df -P / | tail -1 | cut -d' ' -f1 >/dev/null
curl -s -m 2 -o /dev/null "http://mirror.example.net/health?host=$(hostname)"
END
cat >/usr/local/sbin/nightly-upgrade <<'END'
#!/bin/sh
# What a package manager's run looks like: many short children of one parent.
for package in $(dpkg-query -W -f '${Package}\n' | head -40); do
    dpkg-query -W -f '${Version}\n' "$package" >/dev/null
    echo "$package" | sha256sum | cut -c1-16 >/dev/null
    sh -c 'true; test -d /var/lib/dpkg/info'
done
END
chmod 0755 /usr/local/bin/report-health /usr/local/sbin/nightly-upgrade
echo '* * * * * /usr/local/bin/report-health' | crontab -u deploy -

echo ready
exec sleep infinity >/dev/null
