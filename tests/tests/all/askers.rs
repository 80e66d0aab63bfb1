//! Services that a person or a job started, and connections that a program carries for somebody: who is at the other end, as
//! far as connections of the host to itself tell, and not who started them.

use std::fs;

use anyhow::ensure;
use tests::lab::INSTANCE_PUBLIC;
use tests::lab::LAPTOP;
use tests::lab::Lab;
use tests::lab::VICTIM;

use super::names::write_send;
use super::paths::run;
use super::paths::ssh;
use super::recorder::COMMAND_MAX;
use super::recorder::Recording;
use super::recorder::shell;
use super::servers::check;
use super::ways::judged;
use super::ways::laptop;
use super::who::wait_for_packet;

/// A web application of one process that has a shell, its own interpreter or itself send to the port that it is asked for.
const APP: &str = "import http.server,socket,subprocess,sys
class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        how,port=self.path.strip('/').split('/'); to=('NEAR.%d'%(100+int(port)%100),int(port))
        if how=='shell': subprocess.run('bash /tmp/send %s; true'%port,shell=True)
        elif how=='python': subprocess.run([sys.executable,'-c','import socket;\
socket.socket(socket.AF_INET,socket.SOCK_DGRAM).sendto(b\"x\",%r)'%(to,)])
        else: socket.socket(socket.AF_INET,socket.SOCK_DGRAM).sendto(b'x',to)
        self.send_response(204); self.end_headers()
    def log_message(self,*_): pass
http.server.HTTPServer((sys.argv[1],int(sys.argv[2])),App).serve_forever()
";

const NGINX: &str =
    "user www-data; worker_processes 1; pid /run/nginx.pid; error_log /run/nginx.log; events {}
http { access_log off; client_body_temp_path /run/nb; fastcgi_temp_path /run/nf; proxy_temp_path /run/np;
 uwsgi_temp_path /run/nu; scgi_temp_path /run/ns;
 server { listen 8600; location / { proxy_pass http://127.0.0.1:8601; } } }
";

#[test]
fn who_started_a_service_is_named_for_what_only_that_person_asks_of_it() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    write_send(&lab)?;
    let near = VICTIM.to_string();
    let near = near.trim_end_matches(|c| c != '.').trim_end_matches('.');
    fs::write(lab.instance().path("/srv/app.py"), APP.replace("NEAR", near))?;
    fs::write(lab.instance().path("/srv/nginx.conf"), NGINX)?;
    shell(
        &lab,
        "nginx -c /srv/nginx.conf; echo '@reboot python3 /srv/app.py 0.0.0.0 8604' | crontab -u bob -",
    )?;
    let mut recording = Recording::begin_in(lab)?;
    let quiet = "</dev/null >/dev/null 2>&1 &";
    recording.alice(&format!(
        "for at in '127.0.0.1 8601' '127.0.0.1 8602' '0.0.0.0 8603'; do setsid python3 /srv/app.py $at {quiet} done
        sudo sh -c 'kill $(cat /run/crond.pid); while kill -0 $(cat /run/crond.pid) 2>/dev/null; do sleep 0.1; done'"
    ))?;
    shell(
        &recording.lab,
        "rm -f /run/crond.reboot; cron
        for port in 8601 8602 8603 8604; do until ss -Hltn sport = $port | grep -q .; do sleep 0.1; done; done",
    )?;
    let url = |at: u16, how: &str, port: u16| format!("http://{INSTANCE_PUBLIC}:{at}/{how}/{port}");
    let curl = "curl -fsS -m 20";
    let lab = &recording.lab;
    for (at, how, port) in
        [(8600, "shell", 8701), (8603, "shell", 8702), (8603, "python", 8703), (8604, "shell", 8705)]
    {
        laptop(lab, "curl", &format!("{curl} {}", url(at, how, port)))?;
    }
    laptop(lab, "curl", &format!("{curl} {}", url(8603, "itself", 8704)))?;
    // Her own client, and the port that her own ssh forwards, ask for her; bob's for him.
    recording.alice(&format!("{curl} 127.0.0.1:8602/shell/8711"))?;
    let key = format!("{}/keys/alice", lab.dir().display());
    let mut tunnel = ssh(lab, 22, "alice", &["-i", &key, "-f", "-N", "-L", "9601:127.0.0.1:8602"])?;
    let control = lab.dir().join("control").display().to_string();
    tunnel.args(["-M", "-S", &control]);
    run("a tunnel", tunnel)?;
    laptop(lab, "curl", &format!("{curl} 127.0.0.1:9601/shell/8712"))?;
    run("the tunnel's end", ssh(lab, 22, "alice", &["-S", &control, "-O", "exit"])?)?;
    wait_for_packet(&recording, 8712)?;
    let output = recording.lab.ssh("bob", &format!("{curl} 127.0.0.1:8602/shell/8713"), COMMAND_MAX)?;
    ensure!(output.status.success(), "{output:?}");
    let evidence = recording.evidence()?;
    let alice = "alice by login sshd alice publickey 203.0.113.7";
    let nobody = "- by login sshd alice publickey 203.0.113.7";
    check(
        &recording,
        &evidence,
        &[
            (8701, nobody),
            (8702, nobody),
            (8703, nobody),
            (8704, nobody),
            (8705, "- by cron"),
            (8711, alice),
            (8712, alice),
            (8713, nobody),
        ],
    )?;
    for (port, said) in [
        (8701, "nginx of this host was the last to connect".to_owned()),
        (8702, format!("{LAPTOP} was the last to connect")),
        (8704, format!("{LAPTOP} was the last to connect")),
        (8705, "and the job below only started it".to_owned()),
        (8713, "curl of this host was the last to connect".to_owned()),
    ] {
        let report = judged(&recording, &evidence, port)?;
        let shown = || format!("{port}, {said}: {report:#}\n{}", history::text(&evidence));
        assert!(report.to_string().contains(&said), "{}", shown());
    }
    Ok(())
}

/// A worker of SSM that forwards a port: between a server elsewhere and this host's sshd. It runs as root's child of the
/// agent, whose programs cannot be had here.
const FORWARD: &str = "import select,socket
ends=[socket.create_connection(('203.0.113.7',7010)),socket.create_connection(('127.0.0.1',22))]
while True:
    for end in select.select(ends,[],[])[0]:
        data=end.recv(65536)
        if not data: raise SystemExit
        ends[end is ends[0]].sendall(data)
";
const SESSION: &str = "carol@example.com-0a1b2c3d4e5f60718";

#[test]
fn a_login_over_what_another_person_carries_is_not_that_persons() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    write_send(&lab)?;
    let mut recording = Recording::begin_in(lab)?;
    let lab = &recording.lab;
    let instance = lab.instance();
    instance.install("/bin/bash".as_ref(), "/usr/bin/ssm-agent-worker")?;
    instance.install(&fs::canonicalize("/usr/bin/python3")?, "/usr/bin/ssm-session-worker")?;
    fs::write(instance.path("/tmp").join(SESSION), FORWARD)?;
    fs::write(instance.path("/tmp/agent"), format!("cd /tmp; ssm-session-worker {SESSION}; true"))?;
    // Servers elsewhere, to which connections are brought from within.
    let mut children = Vec::new();
    for (inner, outer) in [(7000, 7001), (7010, 7011)] {
        let mut server = lab.laptop().command("socat")?;
        server.args([format!("TCP-LISTEN:{inner},reuseaddr"), format!("TCP-LISTEN:{outer},reuseaddr")]);
        children.push(lab.spawn_daemon(&format!("server-{inner}"), server)?);
    }
    let waits = |port: u16| format!("until ss -Hltn sport = {port} | grep -q .; do sleep 0.1; done");
    laptop(lab, "servers", &format!("{}; {}", waits(7000), waits(7010)))?;
    let quiet = "</dev/null >/dev/null 2>&1 &";
    recording.alice(&format!(
        "setsid socat TCP-LISTEN:2200,fork,reuseaddr TCP:127.0.0.1:22 {quiet}
        setsid socat TCP:{LAPTOP}:7000 TCP:127.0.0.1:22 {quiet}
        {}",
        waits(2200)
    ))?;
    shell(lab, &format!("setsid ssm-agent-worker /tmp/agent {quiet}"))?;
    laptop(lab, "servers", &format!("{}; {}", waits(7001), waits(7011)))?;
    let key = format!("{}/keys/bob", lab.dir().display());
    let ssh_to = |port: u16, address: &str, line: &str| {
        let options =
            "-F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes";
        laptop(lab, "ssh", &format!("ssh {options} -i {key} -p {port} bob@{address} '{line}'"))
    };
    ssh_to(2200, &INSTANCE_PUBLIC.to_string(), "bash /tmp/send 8721")?;
    ssh_to(7001, "127.0.0.1", "bash /tmp/send 8722")?;
    ssh_to(7011, "127.0.0.1", "bash /tmp/send 8723")?;
    for child in &mut children {
        // It ends with what it carried.
        child.wait()?;
    }
    let evidence = recording.evidence()?;
    let bob = "bob by login sshd bob publickey 127.0.0.1";
    let carol = "carol@example.com by login sshd bob publickey 127.0.0.1";
    check(&recording, &evidence, &[(8721, bob), (8722, bob), (8723, carol)])
}

/// An account that two people share, and alice with a key of bob's; a network namespace, and a second address of the host.
const SHARED: &str = "set -e
cat /home/alice/.ssh/authorized_keys /home/bob/.ssh/authorized_keys >>/home/deploy/.ssh/authorized_keys
ip addr add 10.0.1.77/32 dev lo
ip netns add inner; ip link add outside type veth peer name inside netns inner
ip addr add 172.18.0.1/24 dev outside; ip link set outside up
ip -n inner addr add 172.18.0.2/24 dev inside; ip -n inner link set inside up
install -o alice -m 600 /dev/stdin /home/alice/bob";

#[test]
fn who_shares_an_account_or_comes_from_this_host_by_another_address_is_told_apart() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    write_send(&lab)?;
    let near = VICTIM.to_string();
    let near = near.trim_end_matches(|c| c != '.').trim_end_matches('.');
    fs::write(lab.instance().path("/srv/app.py"), APP.replace("NEAR", near))?;
    let keys = lab.dir().join("keys");
    let own = fs::read_to_string(keys.join("bob"))?;
    shell(&lab, &format!("{SHARED} <<'END'\n{own}END"))?;
    let mut recording = Recording::begin_in(lab)?;
    let lab = &recording.lab;
    let as_deploy = |who: &str, line: &str| {
        let key = keys.join(who).display().to_string();
        let mut ssh = ssh(lab, 22, "deploy", &["-i", &key])?;
        ssh.arg(line);
        run(&format!("{who} as deploy"), ssh)
    };
    as_deploy(
        "alice",
        "setsid python3 /srv/app.py 127.0.0.1 8731 </dev/null >/dev/null 2>&1 &
        until ss -Hltn sport = 8731 | grep -q .; do sleep 0.1; done; curl -sS localhost:8731/shell/8732",
    )?;
    as_deploy("bob", "curl -sS localhost:8731/shell/8733; curl -sS localhost:8731/itself/8734")?;
    let ssh = "ssh -i bob -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null";
    recording.alice(&format!(
        "{ssh} -b 10.0.1.10 bob@10.0.1.77 bash /tmp/send 8735
        sudo ip netns exec inner sudo -u alice {ssh} bob@172.18.0.1 bash /tmp/send 8736"
    ))?;
    let evidence = recording.evidence()?;
    let deploy = "deploy by login sshd deploy publickey 203.0.113.7";
    let from = |address: &str| format!("alice by login sshd bob publickey {address}");
    let (second, inner) = (from("10.0.1.10"), from("172.18.0.2"));
    let expected = [(8732, deploy), (8733, deploy), (8734, deploy), (8735, &second), (8736, &inner)];
    check(&recording, &evidence, &expected)?;
    for (port, other) in [(8732, false), (8733, true), (8734, true)] {
        let report = judged(&recording, &evidence, port)?;
        let said = report.to_string().contains("another session of deploy, from 203.0.113.7 by another key");
        let is_so = said == other;
        assert!(is_so, "{port}: {report:#}\n{}", history::text(&evidence));
    }
    Ok(())
}
