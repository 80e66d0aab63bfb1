//! The loads that the harness drives a recorder with, each a loop over one system call or two. They
//! run in a process of their own, `load`, whose CPU time is the figure, and print how much they did.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::net::UdpSocket;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::time::Duration;
use std::time::Instant;

use super::pace::Pace;

/// What each datagram carries.
const PAYLOAD: [u8; 32] = [b'g'; 32];
/// Files that [`open_close`] goes around.
const FILES: u32 = 1_000;
/// Addresses of 127.0.0.0/8 that a base leaves below it.
const TARGETS_MAX: u32 = 1 << 20;

/// Executes `program` so many times, one after the other, each with `MARK-n` as its argument.
///
/// # Errors
/// When one cannot be started or does not end with 0.
pub fn exec(program: &Path, mark: &str, count: u32) -> io::Result<u32> {
    let program = CString::new(program.as_os_str().as_bytes())?;
    for n in 0..count {
        let argument = CString::new(format!("{mark}-{n}"))?;
        wait(spawn(&program, &argument)?)?;
    }
    Ok(count)
}

/// Executes `program` as often as goes for so long, from so many threads at once. Returns how often.
///
/// # Errors
/// When one cannot be started or does not end with 0.
pub fn storm(program: &Path, mark: &str, threads: u32, duration: Duration) -> io::Result<u32> {
    let program = CString::new(program.as_os_str().as_bytes())?;
    let end = Instant::now() + duration;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                let program = &program;
                scope.spawn(move || {
                    let argument = CString::new(format!("{mark}-{worker}"))?;
                    let mut done = 0;
                    while Instant::now() < end {
                        wait(spawn(program, &argument)?)?;
                        done += 1;
                    }
                    Ok(done)
                })
            })
            .collect();
        let joined = workers.into_iter().map(|worker| {
            worker.join().unwrap_or_else(|_| Err(io::Error::other("a thread of the storm panicked")))
        });
        joined.sum()
    })
}

/// Connects to a closed port of so many addresses, each once, without waiting for the answer.
///
/// # Errors
/// When a socket cannot be made, or connecting fails otherwise than by the closed port.
pub fn connect(port: u16, count: u32, pace: &mut Pace) -> io::Result<u32> {
    for n in 0..count {
        let address = socket_address(target(n)?, port);
        // SAFETY: socket(2) takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just returned and belongs to nobody else.
        let _socket = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: `address` is a sockaddr_in, and its own size is given.
        let status =
            unsafe { libc::connect(fd, ptr::from_ref(&address).cast(), size_of_val(&address) as u32) };
        let error = io::Error::last_os_error();
        let expected = [libc::EINPROGRESS, libc::ECONNREFUSED].map(Some);
        if status == 0 || !expected.contains(&error.raw_os_error()) {
            return Err(io::Error::other(format!("connecting to a closed port: {status}, {error}")));
        }
        pace.step()?;
    }
    Ok(count)
}

/// Sends one datagram to a port of each of so many addresses, from one socket.
///
/// # Errors
/// When one cannot be sent.
pub fn udp_spread(port: u16, count: u32, pace: &mut Pace) -> io::Result<u32> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    for n in 0..count {
        socket.send_to(&PAYLOAD, (target(n)?, port))?;
        pace.step()?;
    }
    Ok(count)
}

/// Sends so many datagrams a second for so long, each to another address, and says how many.
///
/// # Errors
/// When one cannot be sent.
pub fn udp_paced(port: u16, per_s: u32, duration: Duration) -> io::Result<u32> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    paced(per_s, duration, |n| socket.send_to(&PAYLOAD, (target(n)?, port)).map(drop))
}

/// Executes `program` so many times a second for so long, each with `MARK-n` as its argument, and says how often.
///
/// # Errors
/// As [`exec`].
pub fn exec_paced(program: &Path, mark: &str, per_s: u32, duration: Duration) -> io::Result<u32> {
    let program = CString::new(program.as_os_str().as_bytes())?;
    paced(per_s, duration, |n| {
        let argument = CString::new(format!("{mark}-{n}"))?;
        wait(spawn(&program, &argument)?)
    })
}

/// Does one thing so many times a second; where it takes longer, as often as goes.
fn paced(per_s: u32, duration: Duration, mut one: impl FnMut(u32) -> io::Result<()>) -> io::Result<u32> {
    const PAUSE: Duration = Duration::from_millis(1);
    let begun = Instant::now();
    let mut done = 0;
    loop {
        let since = begun.elapsed();
        if since >= duration {
            return Ok(done);
        }
        if f64::from(done) >= since.as_secs_f64() * f64::from(per_s) {
            std::thread::sleep(PAUSE);
            continue;
        }
        one(done)?;
        done += 1;
    }
}

/// Sends so many datagrams to one socket, which is never read.
///
/// # Errors
/// When one cannot be sent.
pub fn udp_flow(count: u32, pace: &mut Pace) -> io::Result<u32> {
    let sink = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let to = sink.local_addr()?;
    for _ in 0..count {
        socket.send_to(&PAYLOAD, to)?;
        pace.step()?;
    }
    Ok(count)
}

/// Makes the files that [`open_close`] opens.
///
/// # Errors
/// When one cannot be made.
pub fn make_files(dir: &Path) -> io::Result<()> {
    (0..FILES).try_for_each(|n| File::create(dir.join(n.to_string())).map(drop))
}

/// Opens and closes so many times, going around the files.
///
/// # Errors
/// When one cannot be opened.
pub fn open_close(dir: &Path, count: u32, pace: &mut Pace) -> io::Result<u32> {
    let paths: Vec<_> = (0..FILES).map(|n| dir.join(n.to_string())).collect();
    for path in paths.iter().cycle().take(count as usize) {
        drop(File::open(path)?);
        pace.step()?;
    }
    Ok(count)
}

/// Makes a system call that does nothing so many times.
pub fn getppid(count: u32) -> u32 {
    for _ in 0..count {
        // SAFETY: getppid(2) takes nothing and cannot fail.
        std::hint::black_box(unsafe { libc::getppid() });
    }
    count
}

/// Gives a file the same mode so many times.
///
/// # Errors
/// When it is refused.
pub fn chmod(file: &Path, count: u32) -> io::Result<u32> {
    let path = CString::new(file.as_os_str().as_bytes())?;
    for _ in 0..count {
        // SAFETY: the path ends with a null and outlives the call.
        if unsafe { libc::chmod(path.as_ptr(), 0o644) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(count)
}

/// Asks a web server for its first page so many times, one connection after the other.
///
/// # Errors
/// When it does not answer.
pub fn request(server: SocketAddr, count: u32) -> io::Result<u32> {
    let mut answer = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(server)?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        answer.clear();
        stream.read_to_end(&mut answer)?;
        if !answer.starts_with(b"HTTP/1") {
            return Err(io::Error::other("the server answers no HTTP"));
        }
    }
    Ok(count)
}

/// The nth address, from 127.1.0.0 on: none that anybody uses.
fn target(n: u32) -> io::Result<Ipv4Addr> {
    if n >= TARGETS_MAX {
        return Err(io::Error::other(format!("more than {TARGETS_MAX} targets")));
    }
    Ok(Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 0).to_bits() + n))
}

fn socket_address(address: Ipv4Addr, port: u16) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: address.to_bits().to_be() },
        sin_zero: [0; 8],
    }
}

/// Starts a program with one argument and an empty environment, as a shell with vfork would.
fn spawn(program: &CString, argument: &CString) -> io::Result<libc::pid_t> {
    let argv = [program.as_ptr().cast_mut(), argument.as_ptr().cast_mut(), ptr::null_mut()];
    let envp = [ptr::null_mut()];
    let mut pid = 0;
    // SAFETY: program, argv and envp end with a null and outlive the call; no actions, no attributes.
    let status = unsafe {
        libc::posix_spawn(&mut pid, program.as_ptr(), ptr::null(), ptr::null(), argv.as_ptr(), envp.as_ptr())
    };
    if status == 0 { Ok(pid) } else { Err(io::Error::from_raw_os_error(status)) }
}

fn wait(pid: libc::pid_t) -> io::Result<()> {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    if unsafe { libc::waitpid(pid, &mut status, 0) } != pid {
        return Err(io::Error::last_os_error());
    }
    if status == 0 { Ok(()) } else { Err(io::Error::other(format!("a program ended with status {status}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_differ_and_stay_in_loopback() {
        assert_eq!(target(0).unwrap(), Ipv4Addr::new(127, 1, 0, 0));
        assert_eq!(target(TARGETS_MAX - 1).unwrap(), Ipv4Addr::new(127, 16, 255, 255));
        assert!(target(TARGETS_MAX).is_err());
    }

    #[test]
    fn loads_say_how_much_they_did_and_fail_on_what_goes_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let pace = &mut Pace::begin(10).unwrap();
        assert!(open_close(dir.path(), 1, pace).is_err());
        make_files(dir.path()).unwrap();
        assert_eq!(open_close(dir.path(), FILES + 1, pace).unwrap(), FILES + 1);
        assert_eq!(udp_flow(10, pace).unwrap(), 10);
        assert_eq!(exec(Path::new("/bin/true"), "t", 2).unwrap(), 2);
        assert!(exec(Path::new("/bin/false"), "t", 1).is_err());
        assert!(exec(Path::new("/nowhere"), "t", 1).is_err());
        assert!(storm(Path::new("/bin/true"), "t", 2, Duration::from_millis(50)).unwrap() >= 2);
        // Never more than was asked for; how much less is the machine's affair.
        let paced = udp_paced(9, 1_000, Duration::from_millis(50)).unwrap();
        assert!((1..=51).contains(&paced), "{paced}");
        assert!(exec_paced(Path::new("/bin/true"), "t", 100, Duration::from_millis(50)).unwrap() >= 1);
    }
}
