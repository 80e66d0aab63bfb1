//! Ports that were listened on before the recorder ran, from /proc/PID/net/tcp and tcp6.

/// One listening port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListeningPort {
    /// Port.
    pub port: u16,
    /// Inode of the socket.
    pub inode: u64,
    /// Whether it is an IPv6 socket.
    pub six: bool,
}

/// Listening ports of the network namespace of a process.
pub fn of_namespace(pid: u32) -> Vec<ListeningPort> {
    let read = |name, six| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default();
        parse(&text, six)
    };
    [read("tcp", false), read("tcp6", true)].concat()
}

/// Reads the kernel's table; a line is `n: LOCAL:PORT REMOTE:PORT STATE … INODE …` with the state in hexadecimal.
fn parse(text: &str, six: bool) -> Vec<ListeningPort> {
    const LISTEN: &str = "0A";
    let line = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let local = fields.nth(1)?;
        let state = fields.nth(1)?;
        let inode = fields.nth(5)?.parse().ok()?;
        let (_, port) = local.rsplit_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        (state == LISTEN).then_some(ListeningPort { port, inode, six })
    };
    text.lines().skip(1).filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_listener_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let found = of_namespace(std::process::id()).into_iter().find(|found| found.port == port).unwrap();
        assert!(super::super::proc::sockets(std::process::id()).contains(&found.inode));
    }
}
