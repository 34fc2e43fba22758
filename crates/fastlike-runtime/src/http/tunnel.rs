//! Bytes both ways between two connections that do not speak HTTP any more.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::idle::IdleClock;
use crate::limits;

/// How a tunnel ended, with the bytes that went through it.
#[derive(Debug)]
pub(crate) struct TunnelEnd {
    pub(crate) from_client: u64,
    pub(crate) from_origin: u64,
    pub(crate) why: Why,
}

/// Why a tunnel ended.
#[derive(Debug)]
pub(crate) enum Why {
    /// Both sides have said all they had to say.
    Closed,
    /// Nothing moved for too long.
    Idle,
    /// A connection failed.
    Failed(io::Error),
}

impl fmt::Display for TunnelEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Closed => write!(f, "both sides closed it")?,
            Why::Idle => write!(f, "nothing moved for too long")?,
            Why::Failed(error) => write!(f, "{error}")?,
        }
        let (client, origin) = (self.from_client, self.from_origin);
        write!(
            f,
            " ({client} bytes from the client, {origin} from the origin)"
        )
    }
}

/// Copies between a client and an origin until both have closed, one fails, or
/// nothing moves for `idle` (zero: any time). A side that closes its writing
/// half can still read what the other sends.
pub(crate) async fn relay<C, O>(client: C, origin: O, idle: Duration) -> TunnelEnd
where
    C: AsyncRead + AsyncWrite + Unpin,
    O: AsyncRead + AsyncWrite + Unpin,
{
    let (mut client, mut origin) = (client, origin);
    let (mut up, mut down) = (Half::new(), Half::new());
    let mut clock = IdleClock::new(idle);
    let why = std::future::poll_fn(|cx| {
        let before = (up.moved, down.moved);
        let upward = up.poll(cx, &mut client, &mut origin);
        let downward = down.poll(cx, &mut origin, &mut client);
        match (upward, downward) {
            (Poll::Ready(Err(error)), _) | (_, Poll::Ready(Err(error))) => {
                return Poll::Ready(Why::Failed(error));
            }
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(Why::Closed),
            _ => {}
        }
        if before != (up.moved, down.moved) {
            clock.progressed();
        }
        clock.poll_elapsed(cx).map(|()| Why::Idle)
    })
    .await;
    TunnelEnd {
        from_client: up.moved,
        from_origin: down.moved,
        why,
    }
}

/// One direction.
struct Half {
    buffer: Box<[u8]>,
    /// What of the buffer was read and not written yet.
    from: usize,
    to: usize,
    moved: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Copying,
    /// The source has ended.
    Closing,
    Closed,
}

impl Half {
    fn new() -> Self {
        Self {
            buffer: vec![0; limits::TUNNEL_BUFFER].into_boxed_slice(),
            from: 0,
            to: 0,
            moved: 0,
            state: State::Copying,
        }
    }

    /// Ready when the source has ended and the sink knows it.
    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut R,
        sink: &mut W,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            ready!(self.poll_write(cx, sink))?;
            match self.state {
                State::Copying => {}
                State::Closing => {
                    ready!(Pin::new(&mut *sink).poll_shutdown(cx))?;
                    self.state = State::Closed;
                    return Poll::Ready(Ok(()));
                }
                State::Closed => return Poll::Ready(Ok(())),
            }
            let mut room = ReadBuf::new(&mut self.buffer);
            let Poll::Ready(read) = Pin::new(&mut *source).poll_read(cx, &mut room) else {
                // What was written must not wait for more.
                ready!(Pin::new(&mut *sink).poll_flush(cx))?;
                return Poll::Pending;
            };
            read?;
            (self.from, self.to) = (0, room.filled().len());
            if self.to == 0 {
                self.state = State::Closing;
            }
        }
    }

    /// Writes what was read.
    fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut W,
    ) -> Poll<io::Result<()>> {
        while let Some(rest) = self.buffer.get(self.from..self.to)
            && !rest.is_empty()
        {
            let written = ready!(Pin::new(&mut *sink).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.from = self.from.saturating_add(written);
            self.moved = self.moved.saturating_add(written as u64);
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::task::JoinHandle;

    use super::*;

    /// A tunnel between two pipes that hold a few bytes, and their other ends.
    fn tunnel(idle: Duration) -> (DuplexStream, DuplexStream, JoinHandle<TunnelEnd>) {
        let (client, client_side) = duplex(16);
        let (origin, origin_side) = duplex(16);
        let relaying = tokio::spawn(relay(client_side, origin_side, idle));
        (client, origin, relaying)
    }

    async fn read(stream: &mut DuplexStream, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).await.expect("bytes");
        bytes
    }

    #[tokio::test]
    async fn bytes_go_both_ways_and_each_half_closes_by_itself() {
        let (mut client, mut origin, relaying) = tunnel(Duration::ZERO);
        client.write_all(b"to the origin").await.expect("written");
        assert_eq!(read(&mut origin, 13).await, b"to the origin");
        client.shutdown().await.expect("closed");
        assert_eq!(origin.read(&mut [0; 1]).await.expect("an end"), 0);
        origin.write_all(b"still here").await.expect("written");
        assert_eq!(read(&mut client, 10).await, b"still here");
        origin.shutdown().await.expect("closed");
        assert_eq!(client.read(&mut [0; 1]).await.expect("an end"), 0);
        let end = relaying.await.expect("no panic");
        assert!(matches!(end.why, Why::Closed), "{end}");
        assert_eq!((end.from_client, end.from_origin), (13, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_is_slow_holds_its_writer_back() {
        const PIPE: usize = limits::TUNNEL_BUFFER * 2;
        let (mut client, client_side) = duplex(PIPE);
        let (mut origin, origin_side) = duplex(16);
        let relaying = tokio::spawn(relay(client_side, origin_side, Duration::ZERO));
        let sent: Vec<u8> = (0..PIPE * 4).map(|n| n as u8).collect();
        let mut rest = sent.as_slice();
        // With the clock paused, time passes only when nothing else can happen.
        let moment = Duration::from_millis(1);
        while let Ok(written) = tokio::time::timeout(moment, client.write(rest)).await {
            rest = rest.split_at(written.expect("written")).1;
        }
        // What the pipe holds and one buffer, not a byte more: of that, 16 went on.
        assert_eq!(sent.len() - rest.len(), PIPE + limits::TUNNEL_BUFFER);
        let reading = async {
            let read = read(&mut origin, sent.len()).await;
            drop(origin);
            read
        };
        let (written, read) = tokio::join!(client.write_all(rest), reading);
        written.expect("written");
        assert!(read == sent, "all in order");
        drop(client);
        let end = relaying.await.expect("no panic");
        assert_eq!(end.from_client, sent.len() as u64);
    }

    #[tokio::test(start_paused = true)]
    async fn a_tunnel_in_which_nothing_moves_ends() {
        let idle = Duration::from_secs(60);
        let (mut client, mut origin, relaying) = tunnel(idle);
        let began = tokio::time::Instant::now();
        for _ in 0..3 {
            tokio::time::sleep(idle - Duration::from_secs(1)).await;
            client.write_all(b"ping").await.expect("written");
            assert_eq!(read(&mut origin, 4).await, b"ping");
        }
        let end = relaying.await.expect("no panic");
        assert!(matches!(end.why, Why::Idle), "{end}");
        assert_eq!(began.elapsed().as_secs(), 3 * 59 + 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_tunnel_may_be_idle_for_ever() {
        let (_client, _origin, relaying) = tunnel(Duration::ZERO);
        let waiting = tokio::time::timeout(Duration::from_secs(100_000), relaying);
        assert!(waiting.await.is_err());
    }

    #[tokio::test]
    async fn a_side_that_is_gone_ends_the_tunnel() {
        let (mut client, origin, relaying) = tunnel(Duration::ZERO);
        drop(origin);
        // The origin's half is closed; the client's fails when it is written to.
        client.write_all(b"anybody?").await.expect("into the pipe");
        let end = relaying.await.expect("no panic");
        assert!(matches!(end.why, Why::Failed(_)), "{end}");
        assert_eq!(client.read(&mut [0; 1]).await.expect("an end"), 0);
    }
}
