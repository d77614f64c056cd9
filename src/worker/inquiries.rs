//! Inquiries of clients that other workers have a part in: sent by mail, and answered by mail.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::client::inquiry::InquiryAnswer;
use crate::client::inquiry::SentInquiry;

use super::{Mail, Worker};

/// The answer that a worker owes. A worker that ends without giving it lets that be known.
pub(crate) struct AwaitedAnswer {
    proxy: usize,
    number: u32,
    /// `None`: it was given.
    asker: Option<mpsc::UnboundedSender<Mail>>,
}

impl AwaitedAnswer {
    pub(super) fn send(mut self, answer: Option<InquiryAnswer>) {
        self.give(answer);
    }

    fn give(&mut self, answer: Option<InquiryAnswer>) {
        let (proxy, number) = (self.proxy, self.number);
        if let Some(asker) = self.asker.take() {
            // Without a receiver the asking worker has ended, and its client with it.
            let _ = asker.send(Mail::InquiryAnswer { proxy, number, answer });
        }
    }
}

impl Drop for AwaitedAnswer {
    fn drop(&mut self) {
        self.give(None);
    }
}

impl Worker {
    /// Sends an inquiry to all other workers.
    pub(super) fn inquire(&self, proxy: usize, number: u32, inquiry: &Arc<SentInquiry>) {
        let mail = || {
            let answer_to = AwaitedAnswer { proxy, number, asker: Some(self.own_mail.clone()) };
            Mail::Inquiry { proxy, inquiry: Arc::clone(inquiry), answer_to }
        };
        // Mail that is not delivered is dropped, and so answered.
        self.others.iter().for_each(|other| drop(other.send(mail())));
    }
}
