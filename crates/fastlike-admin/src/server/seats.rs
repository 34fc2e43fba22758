//! Who has a place at the listener.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use fastlike_runtime::{Body, BodyError};
use http_body::{Frame, SizeHint};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// A number of places. When all are taken, whoever comes is given that of the
/// client that was silent for longest: first among those that have not shown
/// the token, so that they keep nobody out. A place is safe while a request
/// with the token is under way.
#[derive(Clone)]
pub(super) struct Seats(Arc<Room>);

struct Room {
    most: usize,
    taken: Mutex<Taken>,
    /// A place has become free, or is not safe any more.
    changed: Notify,
}

#[derive(Default)]
struct Taken {
    /// Counts what happens: it tells who was heard of before whom.
    now: u64,
    /// By when they were taken.
    seats: BTreeMap<u64, Place>,
}

struct Place {
    /// Its client has shown the token.
    known: bool,
    /// Requests with the token that are under way: two, while a client has not
    /// read the end of an answer and asks on.
    asking: usize,
    /// When its client was last heard of.
    heard: u64,
    lost: Arc<Notify>,
}

/// A place that is taken, until this is dropped.
pub(super) struct Seat {
    seats: Seats,
    number: u64,
    lost: Arc<Notify>,
}

/// A request that is under way, until this is dropped.
pub(super) struct Asking {
    seats: Seats,
    number: u64,
    with_token: bool,
}

impl Taken {
    fn tick(&mut self) -> u64 {
        self.now = self.now.saturating_add(1);
        self.now
    }

    /// Takes a place away from somebody; false if all are safe.
    fn make_room(&mut self) -> bool {
        let unsafe_ones = self.seats.iter().filter(|(_, place)| place.asking == 0);
        let longest = unsafe_ones.min_by_key(|(_, place)| (place.known, place.heard));
        let number = longest.map(|(number, _)| *number);
        match number.and_then(|number| self.seats.remove(&number)) {
            Some(place) => {
                place.lost.notify_one();
                true
            }
            None => false,
        }
    }
}

impl Seats {
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Room {
            most,
            taken: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    /// A place, when there is one. Only one waits for it at a time.
    pub(super) async fn take(&self) -> Seat {
        loop {
            if let Some(seat) = self.try_take() {
                return seat;
            }
            self.0.changed.notified().await;
        }
    }

    fn try_take(&self) -> Option<Seat> {
        let mut taken = self.0.taken.lock();
        if taken.seats.len() >= self.0.most && !taken.make_room() {
            return None;
        }
        let number = taken.tick();
        let lost = Arc::new(Notify::new());
        let place = Place {
            known: false,
            asking: 0,
            heard: number,
            lost: Arc::clone(&lost),
        };
        taken.seats.insert(number, place);
        Some(Seat {
            seats: self.clone(),
            number,
            lost,
        })
    }
}

impl Seat {
    /// Ends when somebody else was given the place: whoever has it leaves.
    pub(super) async fn lost(&self) {
        self.lost.notified().await;
    }

    /// A request has come, with the token or not; nothing if the place is lost,
    /// and the request too late.
    pub(super) fn ask(&self, with_token: bool) -> Option<Asking> {
        let mut taken = self.seats.0.taken.lock();
        let now = taken.tick();
        let place = taken.seats.get_mut(&self.number)?;
        place.known |= with_token;
        place.asking += usize::from(with_token);
        place.heard = now;
        Some(Asking {
            seats: self.seats.clone(),
            number: self.number,
            with_token,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.0.taken.lock().seats.remove(&self.number);
        self.seats.0.changed.notify_one();
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut taken = self.seats.0.taken.lock();
        let now = taken.tick();
        if let Some(place) = taken.seats.get_mut(&self.number) {
            place.asking = place.asking.saturating_sub(usize::from(self.with_token));
            place.heard = now;
        }
        drop(taken);
        self.seats.0.changed.notify_one();
    }
}

/// The content of an answer. Its request is under way until it is sent.
pub(super) struct Answering {
    pub(super) body: Body,
    pub(super) _asking: Asking,
}

impl http_body::Body for Answering {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn is_lost(seat: &Seat) -> bool {
        seat.lost().now_or_never().is_some()
    }

    fn take(seats: &Seats) -> Option<Seat> {
        seats.take().now_or_never()
    }

    #[test]
    fn whoever_was_silent_for_longest_makes_room() {
        let seats = Seats::new(2);
        let one = take(&seats).expect("free");
        let two = take(&seats).expect("free");
        drop(one.ask(false).expect("in time"));
        let three = take(&seats).expect("of the second");
        assert!(is_lost(&two) && !is_lost(&one) && !is_lost(&three));
        assert!(two.ask(true).is_none(), "too late");
        // It has none to give back.
        drop(two);
        let four = take(&seats).expect("of the first");
        assert!(is_lost(&one) && !is_lost(&three) && !is_lost(&four));
    }

    #[test]
    fn a_client_with_the_token_stays_longer_than_those_without() {
        let seats = Seats::new(2);
        let known = take(&seats).expect("free");
        drop(known.ask(true).expect("in time"));
        for _ in 0..10 {
            let _silent = take(&seats).expect("of the one before, or free");
            drop(known.ask(false).expect("in time"));
            assert!(!is_lost(&known));
        }
        let also_known = take(&seats).expect("free");
        drop(also_known.ask(true).expect("in time"));
        take(&seats).expect("of the one with the token that was silent for longer");
        assert!(is_lost(&known) && !is_lost(&also_known));
    }

    #[test]
    fn a_place_is_safe_while_a_request_with_the_token_is_under_way() {
        let seats = Seats::new(1);
        let busy = take(&seats).expect("free");
        let asking = busy.ask(true).expect("in time");
        let waiting = seats.take();
        let mut waiting = std::pin::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        // The next one comes before the end of the first is sent.
        let more = busy.ask(true).expect("in time");
        drop(asking);
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(more);
        let next = waiting.now_or_never().expect("its place");
        assert!(is_lost(&busy));
        let asking = next.ask(false).expect("in time");
        take(&seats).expect("a request without the token keeps nobody out");
        drop(asking);
        drop((busy, next));
        assert!(seats.0.taken.lock().seats.is_empty());
    }
}
