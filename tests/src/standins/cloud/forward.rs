//! One call by HTTP, to a stand-in that another process is.

use anyhow::Context;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Posts a call in AWS's JSON protocol; returns its status and its answer.
///
/// # Errors
/// When there is no answer.
pub async fn post(address: &str, target: &str, signature: &str, body: &str) -> anyhow::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await.context("cannot connect")?;
    let length = body.len();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nX-Amz-Target: {target}\r\n\
         Authorization: {signature}\r\nContent-Type: application/x-amz-json-1.0\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8(answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no head")?;
    let status = head.split_ascii_whitespace().nth(1).context("no status")?.parse()?;
    Ok((status, body.to_owned()))
}
