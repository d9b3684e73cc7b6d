use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use super::hot::Hot;
use super::log::Level;
use super::route::router;
use super::stall::Stalling;
use super::state::{Peer, Server};
use crate::app::Failure;

/// How long a client has for the head of a request, its first one and any later one: a connection that says nothing for so long is closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client has to begin an encrypted connection.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may wait for a client that reads nothing of it.
const STALL: Duration = Duration::from_secs(30);
/// The largest head of a request, in bytes.
const HEAD_MAX_BYTES: usize = 16 * 1024;
/// How many headers a request has at most.
const HEADERS_MAX: usize = 64;
/// How long requests that are being answered have once the server is asked to stop.
const GRACE: Duration = Duration::from_secs(4);
/// How long to wait before accepting again where the system gives no more connections.
const BREATH: Duration = Duration::from_millis(50);

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// Its address, as a client writes it.
    pub url: String,
    /// The address and port.
    pub address: SocketAddr,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{address} cannot be listened on")]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Accepts connections until the server is asked to stop, and then lets what is being answered come to its end.
pub(super) async fn serve(
    server: &Server,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    bound: impl FnOnce(&Bound),
) -> Result<(), ListenError> {
    let failed = |source| ListenError { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    server.log().line(Level::Info, "listening", [("url", url.as_str().into())]);
    bound(&Bound { url, address });

    let router = router(server);
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(connections_max()));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = server.stopping().wait() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // A connection that broke before it was accepted is its own affair; a lack of descriptors is not.
                if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
                    server.log().line(Level::Error, "not_accepted", [("message", error.to_string().into())]);
                    tokio::time::sleep(BREATH).await;
                }
                continue;
            }
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            server.metrics().connection_refused();
            continue;
        };
        let (server, router, tls, watcher) = (server.clone(), router.clone(), tls.clone(), graceful.watcher());
        tokio::spawn(async move {
            let counting = server.clone();
            let _counted = counting.metrics().connection();
            // Documents and events are written whole, so nothing is gained by waiting for more.
            let _ = stream.set_nodelay(true);
            match tls {
                None => answer(stream, server, peer, router, watcher).await,
                // In a box of its own, since the state of an encrypted connection is several times that of a plain one.
                Some(tls) => Box::pin(answer_encrypted(tls, stream, server, peer, router, watcher)).await,
            }
            drop(place);
        });
    }
    drop(listener);
    if timeout(GRACE, graceful.shutdown()).await.is_err() {
        server.log().line(Level::Warn, "cut_off", [("after_seconds", GRACE.as_secs().into())]);
    }
    Ok(())
}

async fn answer_encrypted(
    tls: TlsAcceptor,
    stream: TcpStream,
    server: Server,
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
) {
    if let Ok(Ok(stream)) = timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
        answer(stream, server, peer, router, watcher).await;
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    server: Server,
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
) {
    let peer = Peer(peer.ip().to_canonical());
    let answering = Arc::new(Answering { server, router, peer });
    let service = service_fn(move |request| Arc::clone(&answering).answer(request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_MAX_BYTES)
        .serve_connection(TokioIo::new(Stalling::new(stream, STALL)), service);
    // How a connection breaks is its client's affair.
    let _ = watcher.watch(connection).await;
}

/// What a connection's requests are answered with.
struct Answering {
    server: Server,
    router: Router,
    peer: Peer,
}

impl Answering {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let Self { server, router, peer } = &*self;
        if let Some(hot) = Hot::of(request.method(), request.uri().path()) {
            return Ok(hot.answer(server, *peer, request).await);
        }
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(*peer);
        // A router is always ready.
        router.clone().call(request).await
    }
}

/// Returns how many connections may be open at once: what descriptors allow, less some for files and the database.
fn connections_max() -> usize {
    usize::try_from(crate::adapters::raise_descriptor_limit())
        .unwrap_or(usize::MAX)
        .saturating_sub(64)
        .clamp(64, 200_000)
}

impl Failure for ListenError {
    fn code(&self) -> &'static str {
        "cannot_listen"
    }

    fn hint(&self) -> Option<String> {
        (self.source.kind() == io::ErrorKind::AddrInUse)
            .then(|| "another program listens there: name another port with --listen".to_owned())
    }
}
