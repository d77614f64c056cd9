//! Slots: finds the slot of a key, and moves slots from one master to another while clients work.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{ClusterDeployment, FORM_LIMIT, SLOTS};
use crate::client::{Client, Reply, encode};
use crate::error::Error;
use crate::server::connect_for;

/// The number of slots that are open at the same time.
const GROUP: usize = 8;
/// The number of keys that are moved at once: few, so that clients see slots that are half moved.
const BATCH: &str = "2";
/// The time that moving them may take, in milliseconds.
const MOVE_LIMIT: &str = "5000";
/// The time that a node may take to answer: it answers when its config is on the disk, and a disk may be busy.
const SAVE_LIMIT: Duration = Duration::from_secs(30);

/// Returns the slot of a key, which is that of its hash tag if it has one.
pub fn slot_of(key: &str) -> u16 {
    let tagged = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let hashed = tagged.filter(|tag| !tag.is_empty()).unwrap_or(key);
    crc16(hashed.as_bytes()) % SLOTS
}

/// Returns the first of the texts `<stem>0`, `<stem>1`, … that is in these slots as a key or as a hash tag.
pub fn name_within(stem: &str, slots: &RangeInclusive<u16>) -> String {
    let names = (0..u32::MAX).map(|number| format!("{stem}{number}"));
    names.into_iter().find(|name| slots.contains(&slot_of(name))).unwrap_or_default()
}

/// Returns the CRC16 of the cluster specification (XMODEM). It is computed bit by bit, independently of the proxy's own code.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc: u16, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// One of the two masters between which slots move.
struct End {
    address: SocketAddr,
    id: String,
    client: Client,
}

impl ClusterDeployment {
    /// Moves slots with their keys from one master to another, as `redis-cli --cluster reshard` does.
    pub async fn reshard(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        slots: RangeInclusive<u16>,
    ) -> Result<(), Error> {
        let (mut from, mut to) = (self.end(from).await?, self.end(to).await?);
        let slots: Vec<u16> = slots.collect();
        for slots in slots.chunks(GROUP) {
            open(&mut from, &mut to, slots).await?;
            self.move_all(&mut from, &to, slots).await?;
            close(&mut from, &mut to, slots).await?;
        }
        Ok(())
    }

    /// Lets the nodes themselves move slots with their keys, all at one moment. Valkey can do this from 9.0 on.
    pub async fn reshard_at_once(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        slots: RangeInclusive<u16>,
    ) -> Result<(), Error> {
        let (first, last) = (slots.start().to_string(), slots.end().to_string());
        let command = ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", &first, &last, "NODE", &self.id(to).await?];
        self.ask(from, &command).await?;
        self.wait_for_switch(*slots.end(), from, FORM_LIMIT).await.map(|_| ())
    }

    /// Marks a slot as moving from one master to another: the old one answers ASK for keys that it does not have any more.
    pub async fn open_slot(&self, from: SocketAddr, to: SocketAddr, slot: u16) -> Result<(), Error> {
        open(&mut self.end(from).await?, &mut self.end(to).await?, &[slot]).await
    }

    /// Moves all keys of an open slot.
    pub async fn move_keys(&self, from: SocketAddr, to: SocketAddr, slot: u16) -> Result<(), Error> {
        self.move_all(&mut self.end(from).await?, &self.end(to).await?, &[slot]).await
    }

    /// Moves one key of an open slot; its other keys stay.
    pub async fn move_key(&self, from: SocketAddr, to: SocketAddr, key: &str) -> Result<(), Error> {
        self.migrate(&mut self.end(from).await?, &self.end(to).await?, &[key.to_owned()]).await
    }

    /// Gives an open slot to its new owner. The new owner is told first, so that the slot always has an owner.
    pub async fn close_slot(&self, from: SocketAddr, to: SocketAddr, slot: u16) -> Result<(), Error> {
        close(&mut self.end(from).await?, &mut self.end(to).await?, &[slot]).await
    }

    async fn end(&self, address: SocketAddr) -> Result<End, Error> {
        let client = connect_for(address, self.password(), SAVE_LIMIT).await?;
        Ok(End { address, id: self.id(address).await?, client })
    }

    async fn move_all(&self, from: &mut End, to: &End, slots: &[u16]) -> Result<(), Error> {
        loop {
            let keys = ["CLUSTER", "GETKEYSINSLOT", SLOT, BATCH];
            let mut replies = from.for_each(slots, &keys, None).await?;
            replies.retain(|keys| !keys.elements().is_empty());
            if replies.is_empty() {
                return Ok(());
            }
            for keys in replies {
                let keys: Vec<String> = keys.elements().iter().filter_map(Reply::text).collect();
                self.migrate(from, to, &keys).await?;
            }
        }
    }

    async fn migrate(&self, from: &mut End, to: &End, keys: &[String]) -> Result<(), Error> {
        let (host, port) = (to.address.ip().to_string(), to.address.port().to_string());
        let mut command = vec!["MIGRATE", &host, &port, "", "0", MOVE_LIMIT];
        if let Some(password) = self.password() {
            command.extend(["AUTH", password]);
        }
        command.push("KEYS");
        command.extend(keys.iter().map(String::as_str));
        from.client.must(&command).await.map(|_| ())
    }

    /// Gives an equal part of the slots to each master, and an epoch of its own to each node, so that the nodes need not resolve
    /// equal epochs first.
    pub(super) async fn share_slots(&self, masters: usize) -> Result<(), Error> {
        for (index, node) in self.nodes().into_iter().enumerate() {
            self.ask(node, &["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]).await?;
            if index < masters {
                let slots = part(index, masters);
                let (first, last) = (slots.start().to_string(), slots.end().to_string());
                self.ask(node, &["CLUSTER", "ADDSLOTSRANGE", &first, &last]).await?;
            }
        }
        Ok(())
    }
}

/// Returns the slots of the master with this index in a new cluster of so many masters.
pub fn part(index: usize, masters: usize) -> RangeInclusive<u16> {
    let start = |index: usize| u16::try_from(usize::from(SLOTS) * index / masters.max(1)).unwrap_or(SLOTS);
    start(index)..=start(index + 1).saturating_sub(1)
}

/// The placeholder for the slot in a command for several slots.
const SLOT: &str = "SLOT";

impl End {
    /// Sends the command for each slot in one write, and returns the replies. An error is a failure unless it contains `harmless`.
    async fn for_each(
        &mut self,
        slots: &[u16],
        command: &[&str],
        harmless: Option<&str>,
    ) -> Result<Vec<Reply>, Error> {
        let encoded = slots.iter().flat_map(|slot| {
            let slot = slot.to_string();
            let words: Vec<&str> =
                command.iter().map(|word| if *word == SLOT { slot.as_str() } else { *word }).collect();
            encode(&words)
        });
        self.client.write(&encoded.collect::<Vec<u8>>()).await?;
        let mut replies = Vec::new();
        for _ in slots {
            replies.push(self.client.reply().await?);
        }
        let refused = replies.iter().find_map(|reply| match reply {
            Reply::Error(text) if !harmless.is_some_and(|harmless| text.contains(harmless)) => Some(text),
            _ => None,
        });
        match refused {
            Some(reply) => Err(Error::Reply { what: command.join(" "), reply: reply.clone() }),
            None => Ok(replies),
        }
    }
}

async fn open(from: &mut End, to: &mut End, slots: &[u16]) -> Result<(), Error> {
    to.for_each(slots, &["CLUSTER", "SETSLOT", SLOT, "IMPORTING", &from.id], None).await?;
    from.for_each(slots, &["CLUSTER", "SETSLOT", SLOT, "MIGRATING", &to.id], None).await.map(|_| ())
}

async fn close(from: &mut End, to: &mut End, slots: &[u16]) -> Result<(), Error> {
    let command = ["CLUSTER", "SETSLOT", SLOT, "NODE", &to.id.clone()];
    to.for_each(slots, &command, None).await?;
    // The old owner may know already that its last slot has gone, and may have become a replica of the new one.
    from.for_each(slots, &command, Some("only with masters")).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_that_of_the_specification_and_of_the_hash_tag() {
        let cases = [("123456789", 0x31C3), ("hello", 866), ("{hello}:a", 866), ("3560", 0), ("", 0)];
        for (key, slot) in cases {
            assert_eq!(slot_of(key), slot, "{key}");
        }
        assert_eq!(slot_of("{}x"), crc16(b"{}x") % SLOTS);
        assert!((100..=200).contains(&slot_of(&name_within("k", &(100..=200)))));
    }

    #[test]
    fn parts_cover_all_slots() {
        assert_eq!([0, 1, 2].map(|index| part(index, 3)), [0..=5460, 5461..=10921, 10922..=16383]);
    }
}
