//! A server that writes HTTP/2 frame by frame (RFC 9113), also wrong ones.

use super::*;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// `:status: 200`, compressed (RFC 7541 appendix A).
pub(super) const STATUS_200: &[u8] = &[0x88];

/// A header, not compressed (RFC 7541 section 6.2.2).
pub(super) fn field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        integer(&mut bytes, text.len());
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// An integer with a prefix of 7 bits (RFC 7541 section 5.1).
fn integer(bytes: &mut Vec<u8>, number: usize) {
    let Some(mut rest) = number.checked_sub(127) else {
        return bytes.push(number as u8);
    };
    bytes.push(127);
    while rest >= 128 {
        bytes.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    bytes.push(rest as u8);
}

pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// A frame as it is sent.
pub(super) fn bytes_of(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

impl Peer {
    /// Reads the client's preface and sends one's own, with these settings.
    pub(super) async fn http2(&mut self, settings: &[(u16, u32)]) {
        let preface = self.read(24).await;
        assert!(preface.starts_with("PRI * HTTP/2.0"), "{preface}");
        let mut payload = Vec::new();
        for (name, value) in settings {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        self.frame(SETTINGS, 0, 0, &payload).await;
    }

    /// The client's next frame; none if it has closed.
    pub(super) async fn next_frame(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
            payload,
        })
    }

    /// The stream of the client's next request. Settings are acknowledged,
    /// all else is passed over.
    pub(super) async fn next_request(&mut self) -> Option<u32> {
        loop {
            let frame = self.next_frame().await?;
            match frame.kind {
                HEADERS => return Some(frame.stream),
                SETTINGS if frame.flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, &[]).await,
                _ => {}
            }
        }
    }

    /// False if the client has closed.
    pub(super) async fn try_frame(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
    ) -> bool {
        self.try_bytes(&bytes_of(kind, flags, stream, payload))
            .await
    }

    async fn try_bytes(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok() && self.0.flush().await.is_ok()
    }

    pub(super) async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.try_frame(kind, flags, stream, payload).await;
    }

    /// Answers with 200 and "ok".
    pub(super) async fn answer(&mut self, stream: u32) {
        // At once, so that a paused clock does not run on in between.
        let mut answer = bytes_of(HEADERS, END_HEADERS, stream, STATUS_200);
        answer.extend(bytes_of(DATA, END_STREAM, stream, b"ok"));
        self.try_bytes(&answer).await;
    }

    pub(super) async fn go_away(&mut self, last: u32, code: u32) {
        let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
        self.frame(GOAWAY, 0, 0, &payload).await;
    }

    pub(super) async fn reset_stream(&mut self, stream: u32, code: u32) {
        self.frame(RST_STREAM, 0, stream, &code.to_be_bytes()).await;
    }

    /// Waits until the client has closed, reading whatever it sends.
    pub(super) async fn drained(&mut self) {
        while self.next_frame().await.is_some() {}
    }
}
