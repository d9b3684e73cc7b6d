use std::io;

use tokio::sync::watch;

use super::log::{Level, Log};

/// Tells whether the server is asked to stop, and waits for it.
#[derive(Clone, Debug)]
pub(super) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Waits until the server is asked to stop.
    pub(super) async fn wait(&self) {
        let mut asked = self.0.clone();
        // That nobody can ask any more is the end, too.
        let _ = asked.wait_for(|asked| *asked).await;
    }

    /// Tells whether the server is asked to stop.
    pub(super) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }
}

/// Asks the server to stop when the process gets SIGTERM or SIGINT, or when what is returned beside it is dropped.
pub(super) fn signals(log: Log) -> io::Result<(Asking, Stopping)> {
    let (ask, asked) = watch::channel(false);
    let mut waiting = signal()?;
    let task = tokio::spawn(async move {
        let signal = waiting.next().await;
        log.line(Level::Info, "stopping", [("signal", signal.into())]);
        let _ = ask.send(true);
        // The sender lives on, so that whoever asks later still hears of it.
        std::future::pending::<()>().await;
    });
    Ok((Asking(task), Stopping(asked)))
}

/// Listens to signals until it is dropped.
#[derive(Debug)]
pub(super) struct Asking(tokio::task::JoinHandle<()>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(unix)]
struct Signals(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

#[cfg(unix)]
fn signal() -> io::Result<Signals> {
    use tokio::signal::unix::{SignalKind, signal};
    Ok(Signals(signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
}

#[cfg(unix)]
impl Signals {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.0.recv() => "SIGTERM",
            _ = self.1.recv() => "SIGINT",
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
fn signal() -> io::Result<Signals> {
    Ok(Signals)
}

#[cfg(not(unix))]
impl Signals {
    async fn next(&mut self) -> &'static str {
        let _ = tokio::signal::ctrl_c().await;
        "Ctrl-C"
    }
}
