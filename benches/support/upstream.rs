//! An HTTP/1.1 server that sends the same small response to every request.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
};

/// Starts the server on a free port; it lives as long as the process.
pub(crate) fn start() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let addr = listener.local_addr().expect("a bound address");
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || serve(connection));
        }
    });
    addr
}

/// Serves requests without bodies until the gateway closes the connection.
fn serve(mut connection: TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut head = Vec::new();
    let mut received = [0; 4096];
    loop {
        let length = connection.read(&mut received)?;
        if length == 0 {
            return Ok(());
        }
        head.extend_from_slice(received.get(..length).unwrap_or_default());
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            connection.write_all(RESPONSE)?;
        }
    }
}

const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n\r\ntwenty bytes of body";
