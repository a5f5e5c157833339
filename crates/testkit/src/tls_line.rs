//! The real engine behind TLS, as `dockerd --tlsverify` is: with certificates of its own.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, UnixStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{RootCertStore, ServerConfig, pki_types::PrivateKeyDer, server::WebPkiClientVerifier},
};
use tokio_util::sync::{CancellationToken, DropGuard};

const ENGINE: &str = "/var/run/docker.sock";

/// A port of this machine at which the engine answers those who have a certificate. Dropping it
/// closes the port.
#[derive(Debug)]
pub struct TlsLine {
    certificates: TempDir,
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _open: DropGuard,
}

impl TlsLine {
    /// To be called in a runtime.
    pub async fn new() -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, key()).expect("a CA can be made");
        let (server_key, client_key) = (key(), key());
        let signed = |names: &[&str], key: &KeyPair| {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            CertificateParams::new(names)
                .and_then(|params| params.signed_by(key, &authority))
                .expect("a certificate can be made")
        };
        let server = signed(&["127.0.0.1", "localhost"], &server_key);
        let client = signed(&["client"], &client_key);

        let certificates = tempfile::tempdir().expect("a temporary directory can be made");
        for (name, text) in [
            ("ca.pem", authority.pem()),
            ("cert.pem", client.pem()),
            ("key.pem", client_key.serialize_pem()),
        ] {
            fs::write(certificates.path().join(name), text).expect("a file can be written");
        }

        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).expect("it is a CA");
        let clients = WebPkiClientVerifier::builder(Arc::new(roots)).build();
        let config = ServerConfig::builder()
            .with_client_cert_verifier(clients.expect("there is a CA"))
            .with_single_cert(
                vec![server.der().clone()],
                PrivateKeyDer::try_from(server_key.serialize_der()).expect("it is a key"),
            )
            .expect("the certificate has this key");
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (open, connections) = (CancellationToken::new(), Arc::default());
        let serving = serve(listener, config, Arc::clone(&connections), open.clone());
        tokio::spawn(open.clone().run_until_cancelled_owned(serving));
        Self {
            certificates,
            address,
            connections,
            _open: open.drop_guard(),
        }
    }

    /// As `DOCKER_HOST` names it.
    pub fn host(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// The folder of `ca.pem`, `cert.pem` and `key.pem`, as `DOCKER_CERT_PATH` names it.
    pub fn certificates(&self) -> &Path {
        self.certificates.path()
    }

    /// How many connections have been let through so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}

async fn serve(
    listener: TcpListener,
    config: ServerConfig,
    connections: Arc<AtomicUsize>,
    open: CancellationToken,
) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, connections) = (acceptor.clone(), Arc::clone(&connections));
        let pass_on = async move {
            let mut client = acceptor.accept(stream).await?;
            connections.fetch_add(1, Ordering::Relaxed);
            let mut engine = UnixStream::connect(ENGINE).await?;
            copy_bidirectional(&mut client, &mut engine).await
        };
        tokio::spawn(open.clone().run_until_cancelled_owned(pass_on));
    }
}
