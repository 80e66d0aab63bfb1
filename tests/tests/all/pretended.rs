//! Programs of one's own that are called like services, environments that name another's connection, and services that
//! somebody started by hand for others: a terminal in a browser, a worker that looks for work, a runtime of containers.

use std::fs;

use tests::lab::INSTANCE_PUBLIC;
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
use super::who::set_password;
use super::who::wait_for_packet;

const SESSION: &str = "carol@example.com-0a1b2c3d4e5f60718";

/// A shell that is called like a worker of SSM, and the session that it says it is: a script of that name.
const WORKER: &str = "cd /tmp; mkdir own$1; cp /bin/bash own$1/ssm-session-worker
own$1/ssm-session-worker SESSION $1; true";

/// A client of ssh that is called like its server, and programs that say they came by another's connection to this host.
const ANOTHERS: &str = "cp /usr/bin/ssh /tmp/sshd
/tmp/sshd -F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -i ~/.ssh/key \
    deploy@127.0.0.1 bash /tmp/send 8733
set -- $(ss -Htn state established sport = 8790 | awk '{print $4, $3}' | tr ':' ' ')
from=\"SSH_CONNECTION='$1 $2 $3 $4'\"
[ $# = 4 ] && env -i bash -c \"$from bash /tmp/send 8734; true\"
env -i sudo -u deploy bash -c \"$from bash /tmp/send 8735; true\"";

#[test]
fn who_calls_a_program_like_a_service_gains_no_other_name() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    write_send(&lab)?;
    let instance = lab.instance();
    fs::write(instance.path("/tmp").join(SESSION), "bash /tmp/send $1; true\n")?;
    fs::write(instance.path("/srv/worker"), WORKER.replace("SESSION", SESSION))?;
    fs::copy(lab.dir().join("keys/deploy"), instance.path("/home/bob/.ssh/key"))?;
    shell(
        &lab,
        "chown bob ~bob/.ssh/key; chmod 600 ~bob/.ssh/key; echo 'bob ALL=(deploy) NOPASSWD:ALL' >/etc/sudoers.d/91-bob
        setsid socat TCP-LISTEN:8790,reuseaddr EXEC:cat </dev/null >/dev/null 2>&1 &
        until ss -Hltn sport = 8790 | grep -q .; do sleep 0.1; done",
    )?;
    let mut recording = Recording::begin_in(lab)?;
    let lab = &recording.lab;
    recording.alice("bash /srv/worker 8731")?;
    shell(lab, "setpriv --reuid www-data --regid www-data --clear-groups bash /srv/worker 8732")?;
    let mut stranger = lab.laptop().command("bash")?;
    stranger.args([
        "-c",
        &format!("exec 3<>/dev/tcp/{INSTANCE_PUBLIC}/8790; echo x >&3; read -r x <&3; sleep 60"),
    ]);
    let mut stranger = lab.spawn_daemon("stranger", stranger)?;
    shell(lab, "until ss -Htn state established sport = 8790 | grep -q .; do sleep 0.1; done")?;
    let output = lab.ssh("bob", ANOTHERS, COMMAND_MAX)?;
    anyhow::ensure!(output.status.success(), "{output:?}");
    stranger.kill()?;
    stranger.wait()?;
    let evidence = recording.evidence()?;
    check(
        &recording,
        &evidence,
        &[
            (8731, "alice by login sshd alice publickey 203.0.113.7"),
            (8732, "- by unknown"),
            (8733, "bob by login sshd deploy publickey 127.0.0.1"),
            (8734, "bob by login sshd bob publickey 203.0.113.7"),
            (8735, "bob by login sshd bob publickey 203.0.113.7"),
        ],
    )
}

/// A queue of jobs for each path, which anybody on the host may add to.
const QUEUE: &str = "import http.server
queues={}
class Queue(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        queue=queues.setdefault(self.path,[]); job=queue.pop(0) if queue else ''
        self.send_response(200); self.end_headers(); self.wfile.write(job.encode())
    def do_POST(self):
        queues.setdefault(self.path,[]).append(self.rfile.read(int(self.headers['Content-Length'])).decode())
        self.send_response(204); self.end_headers()
    def log_message(self,*_): pass
http.server.HTTPServer(('127.0.0.1',8750),Queue).serve_forever()
";

/// Workers that ask the queue by a connection each time: one itself, one by a client.
const ITSELF: &str =
    "while sleep 0.3; do exec 3<>/dev/tcp/127.0.0.1/8750; printf 'GET /itself HTTP/1.0\\r\\n\\r\\n' >&3
job=$(tail -n 1 <&3 | tr -d '\\r'); exec 3>&-; [ -z \"$job\" ] || bash -c \"$job\"; done";
const BY_CLIENT: &str =
    "while sleep 0.3; do job=$(curl -s 127.0.0.1:8750/client); [ -z \"$job\" ] || bash -c \"$job\"; done";

/// A runtime of containers that is asked over the network: what it starts is in a container by its cgroup.
const RUNTIME: &str = "import socket,subprocess
s=socket.socket(); s.setsockopt(1,2,1); s.bind(('0.0.0.0',8760)); s.listen()
while True:
    c,_=s.accept(); port=c.recv(64).decode().strip()
    subprocess.run(['sh','-c','mkdir -p GROUP; echo $$ >GROUP/cgroup.procs; exec bash /tmp/send '+port]); c.close()
";

/// A browser at shellinabox: logs in as bob there and types one line.
const BROWSER: &str = "import json,sys,time,urllib.parse,urllib.request
def post(**fields):
    data=urllib.parse.urlencode(dict(fields,width=80,height=24)).encode()
    with urllib.request.urlopen('http://HOST:4200/?',data,timeout=20) as answer: said=answer.read()
    return json.loads(said) if said.startswith(b'{') else {}
session=post(rooturl='http://HOST:4200/')['session']
for asked,line in (('ogin:','bob'),('assword:','PASSWORD'),('$ ','bash /tmp/send 8741; exit')):
    seen=''
    while asked not in seen: seen+=post(session=session)['data']
    post(session=session,keys=(line+'\\n').encode().hex())
time.sleep(0.5)
";

#[test]
fn what_others_ask_of_what_somebody_started_by_hand_is_not_that_persons() -> anyhow::Result<()> {
    const PASSWORD: &str = "tr0ub4dor";
    let lab = Lab::up()?;
    write_send(&lab)?;
    set_password(&lab, "bob", PASSWORD)?;
    let instance = lab.instance();
    let group = instance.cgroup().child(&format!("libpod-{}", "5b".repeat(32))).path().display().to_string();
    for (path, text) in [
        ("/srv/queue.py", QUEUE),
        ("/srv/itself", ITSELF),
        ("/srv/client", BY_CLIENT),
        ("/srv/runtime.py", &RUNTIME.replace("GROUP", &group)),
    ] {
        fs::write(instance.path(path), text)?;
    }
    let browser = BROWSER.replace("HOST", &INSTANCE_PUBLIC.to_string()).replace("PASSWORD", PASSWORD);
    fs::write(lab.dir().join("browser.py"), browser)?;
    shell(&lab, "setsid python3 /srv/queue.py </dev/null >/dev/null 2>&1 &")?;
    let mut recording = Recording::begin_in(lab)?;
    let quiet = "</dev/null >/dev/null 2>&1 &";
    recording.alice(&format!(
        "sudo shellinaboxd --disable-ssl -p 4200 -b </dev/null >/dev/null 2>&1; sudo setsid python3 /srv/runtime.py {quiet}
        setsid bash /srv/itself {quiet} setsid bash /srv/client {quiet}
        for port in 4200 8760; do until ss -Hltn sport = $port | grep -q .; do sleep 0.1; done; done"
    ))?;
    let lab = &recording.lab;
    laptop(lab, "the runtime", &format!("echo 8742 | socat -t 20 - TCP:{INSTANCE_PUBLIC}:8760"))?;
    // By then the terminal's starter, which was forked off at first, has waited longer than a connection counts for what it
    // begins, and the workers have asked for a while.
    std::thread::sleep(std::time::Duration::from_millis(3_200));
    let job =
        |queue: &str, port: u16| format!("curl -fsS -d 'bash /tmp/send {port}; true' 127.0.0.1:8750/{queue}");
    let output = lab.ssh("bob", &format!("{}; {}", job("itself", 8743), job("client", 8744)), COMMAND_MAX)?;
    anyhow::ensure!(output.status.success(), "{output:?}");
    let mut browser = lab.laptop().command("python3")?;
    browser.arg(lab.dir().join("browser.py"));
    run("the browser", browser)?;
    let evidence = recording.evidence()?;
    check(
        &recording,
        &evidence,
        &[(8741, "bob by login login bob remote 203.0.113.7"), (8742, "- by container")],
    )?;
    for port in [8743, 8744] {
        let report = judged(&recording, &evidence, port)?;
        let said = "bash acts on what it finds in connections with 127.0.0.1:8750, one after the other";
        let shown = || format!("{port}: {report:#}\n{}", history::text(&evidence));
        assert_eq!(report["facts"]["person"], "alice", "{}", shown());
        assert!(report.to_string().contains(said), "{}", shown());
    }
    Ok(())
}

/// A relay that sends to the port that a datagram names, and a program that sends while nobody asks it, though it listens.
const RELAY: &str = "import socket,sys,time
at,*to=map(int,sys.argv[1:])
s=socket.socket(2,2); s.bind(('0.0.0.0',at)); kept=socket.create_server(('0.0.0.0',at)) if to else None
to=to[0] if to else int(s.recv(9)); socket.socket(2,2).sendto(b'x',('NEAR.%d'%(100+to%100),to)); time.sleep(30)
";

/// An ssh server of alice's own, without root's rights, that lets in who has a key of hers or of bob's.
const OWN_SERVER: &str = "mkdir -m 700 own; cd own; ssh-keygen -q -t ed25519 -N '' -f key; cat ~/.ssh/authorized_keys >allowed
cat >>allowed; printf '%s\\n' 'Port 2299' \"HostKey $PWD/key\" \"AuthorizedKeysFile $PWD/allowed\" 'PidFile none' 'UsePAM no' \
    'StrictModes no' >config; /usr/sbin/sshd -f $PWD/config -E $PWD/log";

#[test]
fn who_started_a_server_of_ones_own_or_a_relay_is_not_who_comes_by_it() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    write_send(&lab)?;
    let near = VICTIM.to_string();
    let near = near.trim_end_matches(|c| c != '.').trim_end_matches('.');
    fs::write(lab.instance().path("/srv/relay.py"), RELAY.replace("NEAR", near))?;
    let key = lab.dir().join("keys/bob").display().to_string();
    let public = fs::read_to_string(format!("{key}.pub"))?;
    let mut recording = Recording::begin_in(lab)?;
    let quiet = "</dev/null >/dev/null 2>&1 &";
    let waits = |port: u16| format!("until ss -Hln sport = {port} | grep -q .; do sleep 0.1; done");
    recording.alice(&format!("(echo '{public}' | (\n{OWN_SERVER}))\n{}", waits(2299)))?;
    recording.alice(&format!("python3 /srv/relay.py 8770 {quiet} {}", waits(8770)))?;
    // A shell beside what listens for it.
    recording.alice(&format!("setsid sh -c 'socat -u TCP-LISTEN:8772 - | bash' {quiet} {}", waits(8772)))?;
    recording.await_receiving()?;
    let lab = &recording.lab;
    let mut by_own = ssh(lab, 2299, "alice", &["-i", &key])?;
    by_own.arg("bash /tmp/send 8751");
    run("ssh by her own server", by_own)?;
    laptop(lab, "the relay", &format!("echo -n 8752 >/dev/udp/{INSTANCE_PUBLIC}/8770"))?;
    wait_for_packet(&recording, 8752)?;
    let piped = format!("(echo bash /tmp/send 8754; sleep 2) | socat - TCP:{INSTANCE_PUBLIC}:8772");
    laptop(&recording.lab, "the pipe", &piped)?;
    wait_for_packet(&recording, 8754)?;
    recording.alice(&format!("nohup python3 /srv/relay.py 8771 8753 {quiet} {}", waits(8771)))?;
    wait_for_packet(&recording, 8753)?;
    let evidence = recording.evidence()?;
    let hers = "by login sshd alice publickey 203.0.113.7";
    let (nobody, alice) = (format!("- {hers}"), format!("alice {hers}"));
    check(&recording, &evidence, &[(8751, &nobody), (8752, &alice), (8753, &alice), (8754, &nobody)])?;
    for (port, said, is_said) in [
        (8751, "sshd stands between", true),
        (8752, "takes datagrams that others send it, as 203.0.113.7 did", true),
        (8753, "takes datagrams", false),
        (8754, "203.0.113.7", true),
    ] {
        let report = judged(&recording, &evidence, port)?;
        let shown = || format!("{port}: {report:#}\n{}", history::text(&evidence));
        assert_eq!(report.to_string().contains(said), is_said, "{}", shown());
    }
    Ok(())
}
