//! An upstream that responds at once: with two bytes, or under `/large` with more than any buffer takes.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
};

/// Starts the upstream, which lives as long as the process.
pub(crate) fn start() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::Builder::new().stack_size(64 << 10).spawn(move || serve(connection)).unwrap();
        }
    });
    addr
}

fn serve(mut connection: TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut head = Vec::new();
    let mut received = vec![0; 4096];
    loop {
        let length = connection.read(&mut received)?;
        if length == 0 {
            return Ok(());
        }
        head.extend_from_slice(&received[..length]);
        // Bodies are not read: the only client that sends one never ends it.
        if !head.windows(4).any(|four| four == b"\r\n\r\n") {
            continue;
        }
        if head.starts_with(b"GET /public/large") {
            connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n")?;
            for _ in 0..4096 {
                connection.write_all(&[b'x'; 16 << 10])?;
            }
        } else if head.starts_with(b"GET ") {
            connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        }
        head.clear();
    }
}
