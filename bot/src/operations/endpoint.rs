//! `/health` and `/metrics` on loopback: the smallest HTTP that a container's health check and Prometheus speak.
//!
//! Owns bounds: requests at once, their size, their time. Refuses any other address than loopback, any method but GET,
//! and keeps no connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// Requests at once; further ones wait in the kernel.
const AT_ONCE: usize = 8;

/// Longest head of a request, bytes.
const HEAD_MAX: usize = 8 * 1024;

/// How long a request and its answer may take.
const REQUEST_MAX: Duration = Duration::from_secs(5);

/// What is told.
#[async_trait]
pub trait Tells: Send + Sync + 'static {
    /// Why the bot does not do its work, where it does not.
    fn ails(&self) -> Option<String>;

    /// The metrics in Prometheus' text format.
    async fn metrics(&self) -> String;
}

/// Answers for ever.
pub async fn answer(listener: TcpListener, tells: Arc<dyn Tells>) {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "no connection taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let tells = Arc::clone(&tells);
        tokio::spawn(async move {
            // Whoever asks slowly or goes away gets no answer; nothing of ours depends on it.
            let _ = tokio::time::timeout(REQUEST_MAX, one(stream, tells)).await;
            drop(permit);
        });
    }
}

async fn one(mut stream: TcpStream, tells: Arc<dyn Tells>) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut part = [0_u8; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < HEAD_MAX {
        match stream.read(&mut part).await? {
            0 => break,
            read => head.extend_from_slice(&part[..read]),
        }
    }
    let (status, body) = reply(&head, &tells).await;
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

async fn reply(head: &[u8], tells: &Arc<dyn Tells>) -> (&'static str, String) {
    let line =
        String::from_utf8_lossy(head.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
    let mut words = line.split(' ');
    match (words.next(), words.next()) {
        (Some("GET"), Some("/health")) => match tells.ails() {
            None => ("200 OK", "ok\n".to_owned()),
            Some(why) => ("503 Service Unavailable", format!("{why}\n")),
        },
        (Some("GET"), Some("/metrics")) => ("200 OK", tells.metrics().await),
        (Some("GET"), Some(_)) => ("404 Not Found", "there is /health and /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "only GET\n".to_owned()),
    }
}

/// Asks a bot on this host for its health: what it says, and whether that is well.
pub async fn ask(address: SocketAddr) -> std::io::Result<(bool, String)> {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = Vec::new();
        stream.take(HEAD_MAX as u64).read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).trim().to_owned();
        Ok((answer.starts_with("HTTP/1.1 200 "), body))
    };
    tokio::time::timeout(REQUEST_MAX, asked)
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ill(bool);

    #[async_trait]
    impl Tells for Ill {
        fn ails(&self) -> Option<String> {
            self.0.then(|| "the queue is gone".to_owned())
        }

        async fn metrics(&self) -> String {
            "gumshoe_up 1\n".to_owned()
        }
    }

    #[tokio::test]
    async fn health_is_told_over_loopback() {
        for (ill, expected) in
            [(false, (true, "ok".to_owned())), (true, (false, "the queue is gone".to_owned()))]
        {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
            let address = listener.local_addr().expect("address");
            let answering = tokio::spawn(answer(listener, Arc::new(Ill(ill))));
            assert_eq!(ask(address).await.expect("answered"), expected);
            answering.abort();
        }
    }

    #[tokio::test]
    async fn only_what_there_is_is_answered() {
        let tells: Arc<dyn Tells> = Arc::new(Ill(false));
        for (head, status) in [
            ("GET /metrics HTTP/1.1\r\n\r\n", "200 OK"),
            ("GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
            ("POST /health HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
            ("", "405 Method Not Allowed"),
        ] {
            assert_eq!(reply(head.as_bytes(), &tells).await.0, status, "{head:?}");
        }
    }
}
