//! More ways in and out, by the real programs: through another host, by tunnels and copies, into terminals that stay,
//! and through services that somebody started by hand. Each asks who it was, and that nobody else is named.

use std::fs;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::Context;
use anyhow::ensure;
use history::Body;
use history::Direction;
use history::Event;
use history::Evidence;
use history::Flow;
use history::FlowState;
use history::Login;
use history::Process;
use history::ProcessId;
use serde_json::Value;
use tests::lab::INSTANCE_PRIVATE;
use tests::lab::INSTANCE_PUBLIC;
use tests::lab::LAPTOP;
use tests::lab::Lab;
use tests::lab::VICTIM;
use tests::lab::output_within;
use tests::story::Programs;

use super::recorder::COMMAND_MAX;
use super::recorder::Recording;
use super::recorder::shell;
use super::who::logins;
use super::who::packet_to;
use super::who::sender;
use super::who::wait_for_packet;

/// All that a ring holds, by what is asked of it.
struct Held(Vec<Event>);

impl Held {
    fn of(recording: &Recording) -> anyhow::Result<Self> {
        Ok(Self(history::events(&recording.ring())?))
    }

    fn processes(&self) -> impl Iterator<Item = &Process> {
        self.0.iter().filter_map(|event| match &event.body {
            Body::Process(process) => Some(&**process),
            _ => None,
        })
    }

    fn flows(&self) -> impl Iterator<Item = &Flow> {
        self.0.iter().filter_map(|event| match &event.body {
            Body::Flow(flow) => Some(&**flow),
            _ => None,
        })
    }

    fn find(&self, id: ProcessId) -> Option<&Process> {
        self.processes().find(|process| process.id == id)
    }

    /// The process and its ancestors.
    fn lineage(&self, of: ProcessId) -> Vec<&Process> {
        let parent = |process: &&Process| process.parent.and_then(|id| self.find(id));
        std::iter::successors(self.find(of), parent).take(64).collect()
    }

    /// The accepted logins above a process, nearest first, each once.
    fn logins(&self, of: ProcessId) -> Vec<&Login> {
        let mut found: Vec<&Login> = Vec::new();
        for process in self.lineage(of) {
            for event in &self.0 {
                let Body::Login(login) = &event.body else { continue };
                let here = login.process.is_some_and(|id| id.same_process(&process.id));
                if here && login.accepted && !found.contains(&&**login) {
                    found.push(login);
                }
            }
        }
        found
    }

    /// Names of the programs of a process and its ancestors.
    fn programs(&self, of: ProcessId) -> Vec<&str> {
        let name = |process: &&Process| process.exe.rsplit('/').next().map_or(0, str::len);
        self.lineage(of).iter().map(|process| &process.exe[process.exe.len() - name(process)..]).collect()
    }
}

/// What people write into their ssh configuration: a bastion, and a host behind it that it alone reaches.
fn ssh_config(lab: &Lab) -> anyhow::Result<String> {
    let (path, keys) = (lab.dir().join("ssh_config"), lab.dir().join("keys").display().to_string());
    fs::write(
        &path,
        format!(
            "Host *\n StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n IdentitiesOnly yes\n BatchMode yes\n \
             LogLevel ERROR\nHost bastion\n HostName {INSTANCE_PUBLIC}\n User alice\n IdentityFile {keys}/alice\n\
             Host inner\n HostName {INSTANCE_PRIVATE}\n Port 2222\n User bob\n IdentityFile {keys}/bob\n"
        ),
    )?;
    Ok(path.display().to_string())
}

pub(super) fn laptop(lab: &Lab, what: &str, line: &str) -> anyhow::Result<()> {
    let mut command = lab.laptop().command("bash")?;
    // A host's commands begin at its root, which this host shares with this machine.
    command.args(["-c", &format!("cd {} || exit\n{line}", lab.dir().display())]);
    let output = output_within(what, &mut command, COMMAND_MAX)?;
    ensure!(output.status.success(), "{what}: {output:?}");
    Ok(())
}

/// Has a port of its own on the victim for each program that connects out.
const OUTWARD: &str = "echo x >f; O='-o BatchMode=yes -o StrictHostKeyChecking=no -o ConnectTimeout=3'
ssh $O -p 8008 VICTIM true; scp $O -P 8009 f VICTIM:; scp $O -O -P 8010 f VICTIM:; sftp $O -P 8011 VICTIM </dev/null
rsync -e \"ssh $O -p 8012\" f VICTIM:; dbclient -y -p 8013 VICTIM true </dev/null; true";

#[test]
fn jumps_tunnels_and_copies_name_whose_server_carried_them() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    let config = ssh_config(&lab)?;
    shell(
        &lab,
        "cd /etc/ssh; (cat sshd_config; echo Port 2222; echo PidFile none) >inner; /usr/sbin/sshd -f /etc/ssh/inner",
    )?;
    let mut recording = Recording::begin_in(lab)?;
    let lab = &recording.lab;
    let ssh = format!("ssh -F {config}");
    laptop(lab, "ssh -J", &format!("{ssh} -J bastion inner \"bash -c '{}; true'\"", packet_to(8001)))?;
    let forwards = format!("-L 127.0.0.1:9001:{VICTIM}:8002 -D 127.0.0.1:9002 -R 9003:127.0.0.1:9 -R 9004");
    laptop(
        lab,
        "forwarded ports",
        &format!(
            "{ssh} -f -N -M -S {dir}/control -o ExitOnForwardFailure=yes {forwards} bastion
            (echo x >/dev/tcp/127.0.0.1/9001) 2>/dev/null; curl -s -m 5 --socks5 127.0.0.1:9002 http://{VICTIM}:8003/; true",
            dir = lab.dir().display()
        ),
    )?;
    laptop(lab, "the tunnel's end", &format!("{ssh} -S {}/control -O exit bastion", lab.dir().display()))?;
    let keys = lab.dir().join("keys").display().to_string();
    for (what, line) in [
        ("sftp", format!("echo 'put {keys}/alice.pub /tmp/sftp' | sftp -F {config} -b - bastion")),
        ("scp", format!("scp -F {config} {keys}/alice.pub bastion:/tmp/scp")),
        ("scp -O", format!("scp -F {config} -O {keys}/alice.pub bastion:/tmp/scp-o")),
        ("rsync", format!("rsync -e '{ssh}' {keys}/alice.pub bastion:/tmp/rsync")),
    ] {
        laptop(lab, what, &line)?;
    }
    recording.alice(&OUTWARD.replace("VICTIM", &VICTIM.to_string()))?;
    let evidence = recording.evidence()?;
    let held = Held::of(&recording)?;

    // Behind the bastion: who is there is bob, who came from the bastion; how alice got to the bastion is hers.
    let inner = logins(&evidence, sender(&evidence, 8001));
    assert_eq!(inner.len(), 1, "{inner:#?}");
    assert_eq!(
        (inner[0].user.as_str(), inner[0].source_address),
        ("bob", Some(IpAddr::V4(INSTANCE_PRIVATE)))
    );
    let carried = |port: u16, direction: Direction| {
        let mut found = held.flows().filter(|flow| {
            let at = if direction == Direction::Out { flow.remote.port } else { flow.local.port };
            at == port && flow.direction == direction
        });
        found.next().and_then(|flow| flow.owner).with_context(|| format!("nobody at {port}"))
    };
    for port in [2222, 8002, 8003] {
        let owner = carried(port, Direction::Out)?;
        let found = held.logins(owner);
        assert_eq!(found.len(), 1, "{port}: {found:#?}");
        assert_eq!((found[0].user.as_str(), found[0].source_address), ("alice", Some(IpAddr::V4(LAPTOP))));
        assert_eq!(held.find(owner).unwrap().user.as_deref(), Some("alice"), "{port}");
    }
    for port in [9003, 9004] {
        let listens = |flow: &&Flow| flow.state == FlowState::Listening && flow.local.port == port;
        let owner = held.flows().find(listens).and_then(|flow| flow.owner).context("nobody listens")?;
        assert_eq!(held.logins(owner)[0].user, "alice", "{port}");
    }
    for (what, shown) in [("sftp-server", 2), ("scp -t /tmp/scp-o", 1), ("rsync --server", 1)] {
        let is_it =
            |process: &&Process| process.argv.join(" ").contains(what) && !process.argv[0].ends_with("sh");
        let mut found: Vec<&Process> = held.processes().filter(is_it).collect();
        found.dedup_by_key(|process| process.id);
        assert!(found.len() >= shown, "{what}: {found:#?}");
        for process in found {
            let by = held.logins(process.id);
            assert_eq!((by.len(), by[0].user.as_str()), (1, "alice"), "{what}: {by:#?}");
            assert_eq!(process.user.as_deref(), Some("alice"));
        }
    }
    for (port, program) in
        [(8008, "ssh"), (8009, "scp"), (8010, "scp"), (8011, "sftp"), (8012, "rsync"), (8013, "dbclient")]
    {
        let owner = carried(port, Direction::Out)?;
        let programs = held.programs(owner);
        let client = if program == "dbclient" { "dbclient" } else { "ssh" };
        assert_eq!(programs[0], client, "{port}: {programs:?}");
        assert!(programs.contains(&program), "{port}: {programs:?}");
        assert_eq!(held.logins(owner)[0].user, "alice", "{port}");
    }
    Ok(())
}

/// An address beside the victim's, one for each port, so that a report is about the packets to that one.
pub(super) fn beside(port: u16) -> Ipv4Addr {
    let [a, b, c, _] = VICTIM.octets();
    Ipv4Addr::new(a, b, c, 100 + (port % 100) as u8)
}

/// What a report says about the packets to one port.
pub(super) fn judged(recording: &Recording, evidence: &Evidence, port: u16) -> anyhow::Result<Value> {
    let at = sender(evidence, port).started;
    let time = |seconds: i64| {
        jiff::Timestamp::from_nanosecond(i128::from(at.0) + i128::from(seconds) * 1_000_000_000)
    };
    let mut gumshoe = Command::new(Programs::gumshoe()?);
    gumshoe.args(["playbooks", "test", "--json", "--remote", &beside(port).to_string(), "--ring"]);
    gumshoe.arg(recording.ring()).args(["--from", &time(-1)?.to_string(), "--to", &time(30)?.to_string()]);
    gumshoe.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../playbooks/port-scan.toml"));
    let output = output_within("gumshoe", &mut gumshoe, COMMAND_MAX)?;
    let told: Value = serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))?;
    Ok(told["report"].clone())
}

#[test]
fn a_terminal_that_stays_names_who_used_it_later() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    shell(&lab, "echo 'bob ALL=(alice) NOPASSWD:ALL' >/etc/sudoers.d/91-bob; mkdir -pm 1777 /run/screen")?;
    let mut recording = Recording::begin_in(lab)?;
    let types = |port: u16| format!("bash -c \"{}; sleep 2\"", packet_to(port));
    recording.alice("tmux -S /tmp/hers new-session -d; tmux new-session -d; screen -dmS work; true")?;
    // Her own later login, and another person who became her, or was let in by her.
    let say = |line: &str| format!("'{}' Enter", line);
    recording.alice(&format!("tmux send-keys {}", say(&types(8101))))?;
    wait_for_packet(&recording, 8101)?;
    let bob = |line: &str| {
        let output = recording.lab.ssh("bob", line, COMMAND_MAX)?;
        ensure!(output.status.success(), "{line}: {output:?}");
        anyhow::Ok(())
    };
    bob(&format!("sudo -u alice tmux -S /tmp/hers send-keys {}", say(&types(8102))))?;
    wait_for_packet(&recording, 8102)?;
    let typed = types(8103).replace(&VICTIM.to_string(), &beside(8103).to_string());
    bob(&format!("sudo -u alice screen -S work -X stuff $'{typed}\\n'"))?;
    wait_for_packet(&recording, 8103)?;
    // His own terminal is his own.
    bob("tmux new-session -d")?;
    bob(&format!("tmux send-keys {}", say(&types(8104))))?;
    wait_for_packet(&recording, 8104)?;
    let evidence = recording.evidence()?;

    let used = |port: u16| -> Vec<(String, Option<String>)> {
        let found = logins(&evidence, sender(&evidence, port));
        let uses = found.iter().filter(|login| login.is_attach());
        uses.map(|login| (login.service.clone(), login.by.clone())).collect()
    };
    let by = |service: &str, person: &str| (service.to_owned(), Some(person.to_owned()));
    assert_eq!(used(8101), [by("tmux", "alice"), by("tmux", "bob")], "{}", history::text(&evidence));
    assert!(used(8102).contains(&by("tmux", "bob")), "{}", history::text(&evidence));
    assert_eq!(used(8103), [by("screen", "bob")], "{}", history::text(&evidence));
    assert_eq!(used(8104), [by("tmux", "bob")], "his second login used what his first began");
    let report = judged(&recording, &evidence, 8103)?;
    let text = report.to_string();
    assert!(text.contains("seen to use it: bob from 203.0.113.7"), "{report:#}");
    assert!(text.contains("several_suspects"), "{report:#}");
    Ok(())
}

/// A CGI program that sends one packet to the port that it is asked for.
const CGI: &str = "#!/bin/bash
printf 'Content-Type: text/plain\\n\\nok\\n'
echo x > /dev/udp/NEAR.$((100 + QUERY_STRING % 100))/$QUERY_STRING
sleep 1
";

/// As a FastCGI process manager does: begins as root, has a worker of another account behind a local socket, and that
/// one runs what it is asked for.
const MANAGER: &str = "import os,pwd,socket
at='/run/app.sock'; s=socket.socket(socket.AF_UNIX); s.bind(at); os.chmod(at,0o666); s.listen()
if os.fork(): os.wait()
who=pwd.getpwnam('www-data'); os.setgroups([]); os.setgid(who.pw_gid); os.setuid(who.pw_uid)
while True:
    c,_=s.accept(); port=c.recv(64).decode().strip()
    os.system(\"bash -c 'echo x > /dev/udp/NEAR.%d/%s; sleep 1'\"%(100+int(port)%100,port)); c.sendall(b'ok'); c.close()
";

#[test]
fn who_started_a_service_by_hand_is_not_named_for_what_it_is_asked_to_do() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    let lab = &recording.lab;
    let write = |path: &str, text: &str| {
        let near = VICTIM.to_string();
        fs::write(
            lab.instance().path(path),
            text.replace("NEAR", near.trim_end_matches(|c| c != '.').trim_end_matches('.')),
        )
    };
    shell(lab, "mkdir -p /srv/www/cgi-bin")?;
    write("/srv/www/cgi-bin/send", CGI)?;
    write("/srv/manager.py", MANAGER)?;
    shell(lab, "chmod 755 /srv/www/cgi-bin/send")?;
    let quiet = "</dev/null >/dev/null 2>&1 &";
    recording.alice(&format!(
        "sudo setsid busybox httpd -f -p 8200 -u www-data -h /srv/www {quiet}
        cd /srv/www; setsid python3 -m http.server --cgi 8210 {quiet}
        sudo setsid python3 /srv/manager.py {quiet}
        sudo setsid socat TCP-LISTEN:8220,fork,reuseaddr UNIX-CONNECT:/run/app.sock {quiet}
        for port in 8200 8210 8220; do until ss -Hltn sport = $port | grep -q .; do sleep 0.1; done; done"
    ))?;
    for (port, at) in [(8201, 8200), (8211, 8210)] {
        let url = format!("http://{INSTANCE_PUBLIC}:{at}/cgi-bin/send?{port}");
        laptop(lab, "curl", &format!("curl -sS -m 20 '{url}'"))?;
    }
    laptop(lab, "socat", &format!("echo 8221 | socat -t 20 - TCP:{INSTANCE_PUBLIC}:8220"))?;
    let evidence = recording.evidence()?;
    for (port, user) in [(8201, "www-data"), (8211, "alice"), (8221, "www-data")] {
        assert_eq!(sender(&evidence, port).user.as_deref(), Some(user), "{port}");
        let report = judged(&recording, &evidence, port)?;
        let shown = || format!("{port}: {report:#}\n{}", history::text(&evidence));
        assert_eq!(report["facts"]["person"], Value::Null, "{}", shown());
        assert!(report.to_string().contains("stands between"), "{}", shown());
    }
    Ok(())
}

/// Services of one process that are asked for a port by what no traffic shows: a local socket, a named pipe, a directory
/// that is watched. `fork` has a copy of the service itself send, `shell` a program.
const ASKED: &str = "import ctypes,os,socket,sys
how,at,does=sys.argv[1:4]
def answer(port):
    port=int(port); to='NEAR.%d'%(100+port%100)
    if does=='shell': os.system(\"bash -c 'echo x > /dev/udp/%s/%s; sleep 1'\"%(to,port)); return
    if os.fork(): return
    socket.socket(socket.AF_INET,socket.SOCK_DGRAM).sendto(b'x',(to,port)); __import__('time').sleep(1); os._exit(0)
if how=='socket':
    s=socket.socket(socket.AF_UNIX); s.bind(at); os.chmod(at,0o666); s.listen()
    while True:
        c,_=s.accept(); answer(c.recv(64)); c.close()
if how=='pipe':
    os.mkfifo(at); os.chmod(at,0o666); f=os.open(at,os.O_RDWR)
    while True: answer(os.read(f,64))
os.mkdir(at); os.chmod(at,0o777); libc=ctypes.CDLL(None); f=libc.inotify_init(); libc.inotify_add_watch(f,at.encode(),0x88)
open(at+'/.ready','w').close()
while True:
    os.read(f,4096)
    for name in os.listdir(at):
        if name.isdigit(): os.unlink(at+'/'+name); answer(name)
";

#[test]
fn who_started_what_is_asked_by_no_traffic_is_named_less_surely_or_not_at_all() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    let lab = &recording.lab;
    let near = VICTIM.to_string();
    let near = near.trim_end_matches(|c| c != '.').trim_end_matches('.');
    fs::write(lab.instance().path("/srv/asked.py"), ASKED.replace("NEAR", near))?;
    shell(lab, "mkdir -pm 1777 /run/asked")?;
    // By what it may be asked a program is looked at once it has run for a second.
    let quiet = "</dev/null >/dev/null 2>&1 &";
    recording.alice(&format!(
        "cd /run/asked
        sudo -u www-data setsid python3 /srv/asked.py socket /run/asked/shell shell {quiet}
        sudo -u www-data setsid python3 /srv/asked.py socket /run/asked/fork fork {quiet}
        setsid python3 /srv/asked.py pipe /run/asked/pipe shell {quiet}
        setsid python3 /srv/asked.py watch /run/asked/spool shell {quiet}
        for at in shell fork pipe spool/.ready; do until [ -e $at ]; do sleep 0.1; done; done
        for pid in $(pgrep -f asked.py); do until [ \"$(ps -o etimes= -p $pid)\" -ge 2 ]; do sleep 0.1; done; done"
    ))?;
    let output = recording.lab.ssh(
        "bob",
        "echo 8231 | socat - UNIX-CONNECT:/run/asked/shell; echo 8232 | socat - UNIX-CONNECT:/run/asked/fork
        echo 8233 >/run/asked/pipe; mv $(mktemp) /run/asked/spool/8234",
        COMMAND_MAX,
    )?;
    ensure!(output.status.success(), "{output:?}");
    for port in 8231..=8234 {
        wait_for_packet(&recording, port)?;
    }
    let evidence = recording.evidence()?;
    for (port, user, said) in [
        (8231, "www-data", "takes requests on a local socket (/run/asked/shell)"),
        (8232, "www-data", "takes requests on a local socket (/run/asked/fork)"),
        (8233, "alice", "acts on what it finds in named pipe /run/asked/pipe"),
        (8234, "alice", "acts on what it finds in files that are watched"),
    ] {
        assert_eq!(sender(&evidence, port).user.as_deref(), Some(user), "{port}");
        let report = judged(&recording, &evidence, port)?;
        let shown = || format!("{port}: {report:#}\n{}", history::text(&evidence));
        assert!(report.to_string().contains(said), "{said}: {}", shown());
        if user == "www-data" {
            assert_eq!(report["facts"]["person"], Value::Null, "{}", shown());
        } else {
            assert!(report.to_string().contains("asked_by_others"), "{}", shown());
            assert_ne!(report["facts"]["confidence"], "high", "{}", shown());
        }
    }
    Ok(())
}

/// What a web server and its process manager are told, and the program that is asked for: a shell, or itself, sends.
const NGINX: &str = "user www-data; worker_processes 1; pid /run/nginx.pid; error_log /run/nginx.log; events {}
http { access_log off; client_body_temp_path /run/nb; fastcgi_temp_path /run/nf; proxy_temp_path /run/np;
 uwsgi_temp_path /run/nu; scgi_temp_path /run/ns;
 server { listen 8240; location / { fastcgi_pass unix:/run/fpm.sock; fastcgi_param REQUEST_METHOD $request_method;
  fastcgi_param QUERY_STRING $query_string; fastcgi_param SCRIPT_FILENAME /srv/php/send.php; }
  location /cgi { fastcgi_pass unix:/run/cgi.sock; fastcgi_param REQUEST_METHOD $request_method;
  fastcgi_param QUERY_STRING $query_string; fastcgi_param SCRIPT_FILENAME /srv/send.cgi; }
  location /own { fastcgi_pass unix:/run/own/sock; fastcgi_param REQUEST_METHOD $request_method;
  fastcgi_param QUERY_STRING $query_string; fastcgi_param SCRIPT_FILENAME /srv/send.cgi; } } }
";
const FPM: &str = "[global]
error_log = /run/fpm.log
[www]
user = www-data
group = www-data
listen = /run/fpm.sock
listen.owner = www-data
pm = static
pm.max_children = 1
";
const SENDS: &str = "<?php $port = (int)$_GET['port']; $to = 'NEAR.' . (100 + $port % 100);
if (isset($_GET['itself'])) { fwrite(fsockopen(\"udp://$to\", $port), 'x'); }
else { passthru(\"bash -c 'echo x > /dev/udp/$to/$port; sleep 1'\"); }
";

#[test]
fn who_started_a_web_server_is_not_named_for_what_runs_through_it() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    let lab = &recording.lab;
    let near = VICTIM.to_string();
    let near = near.trim_end_matches(|c| c != '.').trim_end_matches('.');
    shell(lab, "mkdir -p /srv/php; install -d -o www-data /run/own")?;
    for (path, text) in [
        ("nginx.conf", NGINX),
        ("fpm.conf", FPM),
        ("php/send.php", &SENDS.replace("NEAR", near)),
        ("send.cgi", &CGI.replace("NEAR", near)),
    ] {
        fs::write(lab.instance().path(format!("/srv/{path}")), text)?;
    }
    recording.alice(
        "sudo chmod 755 /srv/send.cgi; sudo nginx -c /srv/nginx.conf
        sudo spawn-fcgi -s /run/cgi.sock -u www-data -U www-data -- /usr/sbin/fcgiwrap >/dev/null
        sudo -u www-data setsid fcgiwrap -s unix:/run/own/sock </dev/null >/dev/null 2>&1 &
        sudo $(ls /usr/sbin/php-fpm* | head -n 1) -y /srv/fpm.conf
        php=$(ls /usr/bin/php[0-9]* | head -n 1)
        setsid $php -S 0.0.0.0:8250 -t /srv/php </dev/null >/dev/null 2>&1 &
        for port in 8240 8250; do until ss -Hltn sport = $port | grep -q .; do sleep 0.1; done; done
        until [ -S /run/own/sock ]; do sleep 0.1; done",
    )?;
    for (port, at, how) in
        [(8241, 8240, ""), (8242, 8240, "&itself"), (8251, 8250, ""), (8252, 8250, "&itself")]
    {
        let url = format!("http://{INSTANCE_PUBLIC}:{at}/send.php?port={port}{how}");
        laptop(lab, "curl", &format!("curl -fsS -m 20 '{url}'"))?;
    }
    for (port, at) in [(8243, "cgi"), (8244, "own")] {
        let url = format!("http://{INSTANCE_PUBLIC}:8240/{at}?{port}");
        laptop(lab, "curl", &format!("curl -fsS -m 20 '{url}'"))?;
    }
    let evidence = recording.evidence()?;
    for (port, user) in [
        (8241, "www-data"),
        (8242, "www-data"),
        (8243, "www-data"),
        (8244, "www-data"),
        (8251, "alice"),
        (8252, "alice"),
    ] {
        assert_eq!(sender(&evidence, port).user.as_deref(), Some(user), "{port}");
        let report = judged(&recording, &evidence, port)?;
        let shown = || format!("{port}: {report:#}\n{}", history::text(&evidence));
        assert_eq!(report["facts"]["person"], Value::Null, "{}", shown());
        assert!(report.to_string().contains("only started it"), "{}", shown());
    }
    Ok(())
}

/// Each line is run by alice, and its packet is the one of the process that is named, run as the user that is named.
const CARRIERS: [(u16, &str, &str, &str); 17] = [
    (8301, "sg staff -c \"bash -c 'LINE'\"", "bash", "alice"),
    (8302, "unshare -r bash -c \"LINE\"", "bash", "alice"),
    (8303, "unshare -Urpf --mount-proc bash -c \"LINE\"", "bash", "alice"),
    (8304, "sudo nsenter -t $$ -m -n -u -i -p bash -c \"LINE\"", "bash", "root"),
    (8305, "script -qec \"bash -c 'LINE'\" /dev/null", "bash", "alice"),
    (8306, "echo 1 | xargs -P4 -I{} bash -c \"LINE\"", "bash", "alice"),
    (
        8307,
        "perl -MIO::Socket::INET -e 'IO::Socket::INET->new(Proto=>\"udp\",PeerAddr=>\"VICTIM:8307\")->send(\"x\")'",
        "perl",
        "alice",
    ),
    (
        8309,
        "sudo sh -c 'mkdir -p GROUP && echo $$ >GROUP/cgroup.procs && exec nsenter -t $$ -m bash -c \"LINE\"'",
        "bash",
        "root",
    ),
    (8311, "flock /tmp/held bash -c \"LINE\"", "bash", "alice"),
    (8312, "find /tmp/script -exec bash -c \"LINE\" \\;", "bash", "alice"),
    // watch goes on: it ends when its terminal does.
    (
        8313,
        "TERM=xterm LINES=24 COLUMNS=80 timeout --foreground 2 script -qec 'watch -n 60 -x bash -c \"LINE\"' /dev/null || true",
        "bash",
        "alice",
    ),
    (8314, "(bash -c \"LINE\" & disown) </dev/null >/dev/null 2>&1", "bash", "alice"),
    (
        8315,
        "perl -MPOSIX -e 'fork&&exit;POSIX::setsid();fork&&exit;close STDOUT;close STDERR;exec qw(bash -c),shift' \"LINE\"",
        "bash",
        "alice",
    ),
    (
        8316,
        "python3 -c 'import os,sys;os.fork() and os._exit(0);os.setsid();os.fork() and os._exit(0);os.close(1);os.close(2);\
         os.execvp(\"bash\",[\"bash\",\"-c\",sys.argv[1]])' \"LINE\"",
        "bash",
        "alice",
    ),
    (8318, "parallel --will-cite bash -c {} ::: 'LINE' 2>/dev/null", "bash", "alice"),
    // What sudo started goes on when it has ended.
    (
        8319,
        "sudo -u deploy bash -c '(sleep 0.5; bash -c \"LINE\") </dev/null >/dev/null 2>&1 &'",
        "bash",
        "deploy",
    ),
    (8317, "printf 'all:\\n\\tbash -c \"LINE\"\\n' | sudo -u deploy env -S 'make -sf -'", "bash", "deploy"),
];

#[test]
fn what_carries_a_program_changes_nothing_of_whose_it_is() -> anyhow::Result<()> {
    const ID: &str = "7a5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";
    let lab = Lab::up()?;
    shell(&lab, "usermod -aG staff,games alice; rm -f /var/spool/cron/atjobs/[!.]*; atd -l 1000")?;
    let mut recording = Recording::begin_in(lab)?;
    let group = recording.lab.instance().cgroup().path().join(format!("docker/{ID}")).display().to_string();
    let mut script = String::new();
    for (port, line, _, _) in CARRIERS {
        let line = line.replace("LINE", &format!("{}; true", packet_to(port)));
        script += &line.replace("VICTIM", &VICTIM.to_string()).replace("GROUP", &group);
        script += "\n";
    }
    script += &format!("echo \"bash -c '{}; true'\" | batch\n", packet_to(8310));
    fs::write(recording.lab.instance().path("/tmp/script"), script)?;
    recording.alice("bash -ex /tmp/script 2>&1")?;
    for port in [8310, 8314, 8315, 8316, 8319] {
        wait_for_packet(&recording, port)?;
    }
    let evidence = recording.evidence()?;
    for (port, line, program, user) in CARRIERS {
        // An attempt to a port is no datagram.
        let process = sender(&evidence, port);
        assert!(process.exe.ends_with(program), "{line}: {process:#?}");
        let users = (process.user.as_deref(), process.login_user.as_deref());
        let in_own_namespace = line.contains("unshare");
        assert!(in_own_namespace || users == (Some(user), Some("alice")), "{line}: {users:?}");
        let ssh = logins(&evidence, process).into_iter().find(|login| login.service == "sshd");
        let ssh = ssh.with_context(|| format!("{line}: no login:\n{}", history::text(&evidence)))?;
        assert_eq!((ssh.user.as_str(), ssh.source_address), ("alice", Some(IpAddr::V4(LAPTOP))), "{line}");
    }
    let job = logins(&evidence, sender(&evidence, 8310));
    assert_eq!((job.len(), job[0].service.as_str(), job[0].user.as_str()), (1, "at", "alice"), "{job:#?}");
    let inside = sender(&evidence, 8309).container.as_deref().context("no container")?;
    assert_eq!(inside.id, ID);
    // sg gives a group as the real one; the others are what alice is in.
    let groups = |port: u16| &sender(&evidence, port).credentials.groups;
    let (staff, games) = (50, 60);
    assert!(groups(8306).ids.contains(&staff) && groups(8306).ids.contains(&games), "{:?}", groups(8306));
    assert_eq!(sender(&evidence, 8301).credentials.gid, staff);
    assert!(history::text(&evidence).contains("groups "), "{}", history::text(&evidence));
    Ok(())
}

/// A service that gives up its groups and its user without executing anything, and one that has more than are kept.
const GROUPS: &str = "import os,socket,time
U=socket.AF_INET,socket.SOCK_DGRAM
os.setgroups(list(range(5000,5100)))
os.fork() or os._exit(0); os.wait()
os.setgroups([4,27]); os.setgid(65534); os.setuid(65534)
socket.socket(*U).sendto(b'x',('VICTIM',8401)); time.sleep(1)
";

#[test]
fn groups_of_a_process_and_their_changes_are_recorded() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    recording.python(&GROUPS.replace("VICTIM", &VICTIM.to_string()))?;
    let evidence = recording.evidence()?;
    let sender = sender(&evidence, 8401);
    assert_eq!(sender.credentials.groups.ids, [4, 27]);
    let changes: Vec<_> = Held::of(&recording)?
        .0
        .into_iter()
        .filter_map(|event| match event.body {
            Body::Credentials { process, from, to } if process.same_process(&sender.id) => Some((from, to)),
            _ => None,
        })
        .collect();
    let many = changes.iter().find(|(_, to)| to.groups.left_out > 0).context("no long list of groups")?;
    assert_eq!((many.1.groups.ids.len(), many.1.groups.left_out), (32, 68));
    assert_eq!(many.1.groups.ids[0], 5000);
    let last = changes.iter().rfind(|(_, to)| to.uid == 65534).context("no change of user")?;
    assert_eq!((last.0.groups.left_out, &last.1.groups.ids[..]), (68, &[4, 27][..]), "{changes:#?}");
    Ok(())
}
