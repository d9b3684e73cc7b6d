//! Sends alerts where their address says, and nowhere else.
//!
//! Whoever may set an address could otherwise make this program ask what only it can reach: the machine itself, the network behind it, a
//! cloud's metadata. So a name is resolved once, every address that it has is looked at, and the connection goes to one of those very
//! addresses: a name that answers otherwise the second time gains nothing.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::runtime::{Builder, Runtime};

use super::public_address::is_public;
use crate::app::ports::{AlertSendError, AlertSender};

/// How long a try may take.
const TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What an address may be besides a public one.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum AlertReach {
    /// Nothing.
    #[default]
    Public,
    /// The machine itself, without encryption, at any port: to try things out.
    Loopback,
}

/// Resolves a name to every address that it has.
pub type Resolve = Box<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send>;

/// Tells an alert, by its name and body, where the program tells what happens.
pub type TellLog = Box<dyn FnMut(&str, &str) + Send>;

/// Posts alerts over HTTP.
pub struct HttpAlertSender {
    runtime: Runtime,
    reach: AlertReach,
    resolve: Resolve,
    log: TellLog,
    timeout: Duration,
}

impl std::fmt::Debug for HttpAlertSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpAlertSender").field("reach", &self.reach).finish_non_exhaustive()
    }
}

impl HttpAlertSender {
    /// Returns a sender; `log` is told what goes to the log.
    pub fn new(reach: AlertReach, log: TellLog) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, reach, resolve: Box::new(system_addresses), log, timeout: TIMEOUT })
    }

    /// Resolves names otherwise than the system does.
    #[must_use]
    pub fn resolving(self, resolve: Resolve) -> Self {
        Self { resolve, ..self }
    }

    /// Waits for an answer at most so long, rather than 15 seconds.
    #[must_use]
    pub fn waiting_at_most(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Returns where a request may go: the address parsed, and the socket address to connect to.
    fn checked(&self, text: &str, allow_ports: &[u16]) -> Result<(Url, SocketAddr), AlertSendError> {
        let url = parsed(text)?;
        let is_test = self.reach == AlertReach::Loopback;
        match url.scheme() {
            "https" => {}
            "http" if is_test => {}
            _ => return Err(refused("it is not https")),
        }
        let port = url.port_or_known_default().ok_or_else(|| refused("it has no port"))?;
        if port != 443 && !allow_ports.contains(&port) && !is_test {
            return Err(refused("its port is neither 443 nor one of those allowed"));
        }
        let host = url.host_str().ok_or_else(|| refused("it has no host"))?;
        let addresses = match literal(host) {
            Some(address) => vec![address],
            None => (self.resolve)(host).map_err(|error| AlertSendError::Unreachable(error.into()))?,
        };
        let Some(first) = addresses.first() else { return Err(refused("its host has no address")) };
        let is_fine = |address: &IpAddr| is_public(*address) || (is_test && address.is_loopback());
        if !addresses.iter().all(is_fine) {
            return Err(refused("its host is not on the public network"));
        }
        if url.scheme() == "http" && !addresses.iter().all(IpAddr::is_loopback) {
            return Err(refused("it is not https"));
        }
        let place = SocketAddr::new(*first, port);
        Ok((url, place))
    }
}

/// Refuses an address that alerts could never be sent to, whatever its host's name resolves to. One of this machine passes: it is for trying
/// things out, and nothing is sent there unless that is asked for.
pub fn check_alert_address(text: &str) -> Result<(), AlertSendError> {
    let url = parsed(text)?;
    let host = url.host_str().unwrap_or_default();
    let is_here = literal(host).map_or(host == "localhost", |address| address.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if is_here => {}
        _ => return Err(refused("it is not https")),
    }
    match literal(host) {
        Some(address) if !is_here && !is_public(address) => Err(refused("its host is not on the public network")),
        _ => Ok(()),
    }
}

const fn refused(why: &'static str) -> AlertSendError {
    AlertSendError::Refused { why }
}

fn parsed(text: &str) -> Result<Url, AlertSendError> {
    let url: Url = text.parse().map_err(|_| refused("it is no address"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it holds a user"));
    }
    Ok(url)
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn system_addresses(host: &str) -> io::Result<Vec<IpAddr>> {
    Ok((host, 443).to_socket_addrs()?.map(|address| address.ip()).collect())
}

impl AlertSender for HttpAlertSender {
    fn send(
        &mut self,
        url: &str,
        allow_ports: &[u16],
        headers: &[(&str, String)],
        body: &str,
    ) -> Result<u16, AlertSendError> {
        let (url, place) = self.checked(url, allow_ports)?;
        let unreachable = |error: reqwest::Error| AlertSendError::Unreachable(error.without_url().into());
        let host = url.host_str().unwrap_or_default().to_owned();
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .resolve(&host, place)
            .connect_timeout(CONNECT_TIMEOUT.min(self.timeout))
            .timeout(self.timeout)
            .user_agent(concat!("flag-admin/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(unreachable)?;
        let mut request = client.post(url).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        // Of the answer nothing but its status is read: what a receiver says is nobody's here.
        let answer = self.runtime.block_on(async { request.send().await }).map_err(unreachable)?;
        Ok(answer.status().as_u16())
    }

    fn log(&mut self, alert: &str, body: &str) {
        (self.log)(alert, body);
    }
}
