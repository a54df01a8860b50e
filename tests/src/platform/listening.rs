//! The port, and going away and coming back on it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, setsockopt, socket, sockopt,
};
use tokio::runtime::{Builder, Runtime};

use super::server;
use super::state::Shared;
use crate::processes::eventually;

/// A port that stays ours, and the server on it while there is one.
#[derive(Debug)]
pub(super) struct Listening {
    shared: Arc<Shared>,
    port: u16,
    /// Bound, never listening: while nobody serves, connections are refused, and nobody else is given the port.
    _keeper: OwnedFd,
    runtime: Mutex<Option<Runtime>>,
}

impl Listening {
    pub(super) fn start(shared: Arc<Shared>) -> Self {
        let (keeper, port) = keep_a_port();
        let this = Self { shared, port, _keeper: keeper, runtime: Mutex::new(None) };
        this.resume();
        this
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server with everything that it is doing: open connections break.
    pub(super) fn stop(&self) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            // Its tasks only wait for sockets and notes; far more than they take to be dropped.
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }

    pub(super) fn resume(&self) {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if runtime.is_some() {
            return;
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        // The sockets of the server before may take a moment to be closed.
        let listener = eventually("the port of the stand-in", || TcpListener::bind(address).ok());
        listener.set_nonblocking(true).expect("a listener can be told not to block");
        // Two threads, or a worker that floods one could keep the other requests waiting.
        let threads = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let threads = threads.expect("a runtime for the stand-in");
        threads.spawn(server::serve(listener, Arc::clone(&self.shared)));
        *runtime = Some(threads);
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop();
    }
}

fn keep_a_port() -> (OwnedFd, u16) {
    let keeper = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)
        .expect("a socket for the stand-in");
    // Both sides of a shared address have to ask for it; the standard library's listeners do.
    setsockopt(&keeper, sockopt::ReuseAddr, &true).expect("an address that can be used again");
    bind(keeper.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).expect("a port for the stand-in");
    let address: SockaddrIn = getsockname(keeper.as_raw_fd()).expect("a bound socket has an address");
    (keeper, address.port())
}
