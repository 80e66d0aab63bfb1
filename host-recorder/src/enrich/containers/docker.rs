//! Docker's interface, which podman speaks too: one GET over a local socket.

use std::io::Read;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use history::Container;
use serde_json::Value;

use super::ANSWER_MAX;
use super::SILENCE_MAX;
use super::SIZE_MAX;

/// Asks for one container; none where nobody answers, or does not know it.
pub(super) fn ask(socket: &Path, container: &Container) -> Option<Container> {
    answered(&get(socket, &format!("/containers/{}/json", container.id)).ok()?, container)
}

/// What an answer in HTTP says of a container.
pub(super) fn answered(answer: &str, container: &Container) -> Option<Container> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?;
    (status == "200").then(|| read(&serde_json::from_str(body).ok()?, container)).flatten()
}

/// What Docker says of a container, over its interface or in its file.
pub(super) fn read(said: &Value, container: &Container) -> Option<Container> {
    let known = said.get("Id").or_else(|| said.get("ID")).and_then(Value::as_str)?;
    if !known.starts_with(&container.id) {
        return None;
    }
    let text = |pointer: &str| said.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let labels = &said["Config"]["Labels"];
    let label = |name: &str| labels[name].as_str().unwrap_or_default();
    let pod = (label("io.kubernetes.pod.namespace"), label("io.kubernetes.pod.name"));
    super::with(container, text("/Name"), text("/Config/Image"), Some(pod))
}

/// One request in HTTP/1.0, whose answer ends with the connection.
fn get(socket: &Path, path: &str) -> std::io::Result<String> {
    let since = Instant::now();
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(SILENCE_MAX))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        match stream.read(&mut buffer)? {
            0 => break,
            read => answer.extend_from_slice(&buffer[..read]),
        }
        if answer.len() > SIZE_MAX || since.elapsed() > ANSWER_MAX {
            return Err(std::io::Error::other("too long an answer"));
        }
    }
    String::from_utf8(answer).map_err(std::io::Error::other)
}
