//! How the program finds S3's addresses: by /etc/hosts and the name servers in /etc/resolv.conf, asked by itself.
//!
//! libc's resolver loads modules of the host's own C library, which a program that is linked statically, to run on every
//! distribution, cannot.

use std::net::IpAddr;
use std::sync::Arc;

use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::dns::DnsFuture;
use aws_smithy_runtime_api::client::dns::ResolveDns;
use aws_smithy_runtime_api::client::dns::ResolveDnsError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use hickory_resolver::TokioResolver;

/// An HTTPS client that asks name servers itself.
///
/// # Errors
/// When /etc/resolv.conf cannot be read.
pub fn http_client() -> anyhow::Result<SharedHttpClient> {
    let resolver = TokioResolver::builder_tokio()?.build()?;
    let builder = Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc));
    Ok(builder.build_with_resolver(Names(Arc::new(resolver))))
}

#[derive(Clone)]
struct Names(Arc<TokioResolver>);

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

impl ResolveDns for Names {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let found = self.0.lookup_ip(name).await.map_err(ResolveDnsError::new)?;
            Ok(found.iter().collect::<Vec<IpAddr>>())
        })
    }
}
