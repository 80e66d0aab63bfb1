//! Sends through an io_uring: no system call of its own names the target, and with `sqpoll` none is made for it.
//!
//! `uring connect|send ADDRESS:PORT [sqpoll]`

use std::net::SocketAddrV4;
use std::os::fd::AsRawFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;

use anyhow::Context;
use anyhow::bail;
use io_uring::IoUring;
use io_uring::opcode;
use io_uring::squeue;
use io_uring::types::Fd;

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let what = words.next().context("connect or send?")?;
    let to: SocketAddrV4 = words.next().context("to whom?")?.parse()?;
    let poll = words.next().is_some_and(|word| word == "sqpoll");
    let mut builder = IoUring::builder();
    if poll {
        builder.setup_sqpoll(1_000);
    }
    let mut ring = builder.build(8).context("this kernel gives no io_uring")?;
    let stream = match what.as_str() {
        "connect" => libc::SOCK_STREAM,
        "send" => libc::SOCK_DGRAM,
        _ => bail!("connect or send, not {what}"),
    };
    // SAFETY: a plain call; what it returns is checked.
    let socket = unsafe { libc::socket(libc::AF_INET, stream, 0) };
    if socket < 0 {
        return Err(std::io::Error::last_os_error()).context("no socket");
    }
    // SAFETY: the descriptor was just made and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: to.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*to.ip()).to_be() },
        sin_zero: [0; 8],
    };
    let at = std::ptr::from_ref(&address).cast();
    let length = size_of_val(&address) as libc::socklen_t;
    let fd = Fd(socket.as_raw_fd());
    let entry: squeue::Entry = if what == "connect" {
        opcode::Connect::new(fd, at, length).build()
    } else {
        opcode::Send::new(fd, b"x".as_ptr(), 1).dest_addr(at).dest_addr_len(length).build()
    };
    // SAFETY: what the entry points to lives until its completion, which is waited for here.
    unsafe { ring.submission().push(&entry) }.context("no room")?;
    ring.submit_and_wait(1)?;
    let done: io_uring::cqueue::Entry = ring.completion().next().context("no completion")?;
    println!("{}", done.result());
    Ok(())
}
