//! What an action does while a box is open: a review, a question, a text being written, the palette, a menu.
#![expect(clippy::wildcard_enum_match_arm, reason = "a box ignores what is not for it")]
use super::{
    Draft, Overlay, Tone, act, documents, form, found, handover, items, logs, offers, palette, pipeline, refusal,
    replay, respond, rows, windows,
};
use crate::core::{
    Effect, State,
    action::{Action, Motion},
    hosts::Question,
    id::Uid,
    incidents,
    incidents::IncidentEventKind,
    outbox,
    record::DeclaredState,
    runs,
    runs::{gate::Level, sudo::SudoMsg},
    said,
    telling::Word,
    time::Now,
};

/// Lines that a review is scrolled by at once.
const SCROLL: usize = 6;

/// Takes back why a review was not confirmed, once something is done about it: the next Enter says what is left.
fn forget_refusal(state: &mut State) {
    if let Some(review) = state.runs.review.as_mut() {
        review.refused = None;
    }
}

pub(super) fn in_review(state: &mut State, action: Action, now: Now) -> Vec<Effect> {
    let production = state.runs.review.as_ref().is_some_and(|review| review.level == Level::Production);
    if let Some(lines) = state.runs.review.as_ref().filter(|review| review.commands).map(|review| review.script().len())
    {
        return in_script(state, lines, action, now);
    }
    match action {
        Action::GoBack | Action::CloseView => state.runs_update(runs::Msg::Cancelled, now),
        Action::Confirm | Action::SayYes if (action == Action::Confirm) == production => {
            if let Some(review) = state.runs.review.as_mut().filter(|_| state.screen.layout.cut) {
                review.refused = Some(if state.screen.layout.scroll > 0 {
                    "read on to its end first: there is more below".into()
                } else {
                    "it does not fit: make the terminal larger to see all of it".into()
                });
                return Vec::new();
            }
            state.runs_update(runs::Msg::Confirmed, now)
        }
        Action::FocusNextPane | Action::FocusPreviousPane => {
            state.screen.review_reason = !state.screen.review_reason;
            Vec::new()
        }
        Action::Move(motion) if state.screen.layout.scroll > 0 => {
            let all = state.screen.layout.scroll + 1;
            state.screen.overlay_cursor = super::moved(state.screen.overlay_cursor, all, SCROLL, motion);
            forget_refusal(state);
            Vec::new()
        }
        Action::SetAside => state.runs_update(runs::Msg::OverrideToggled, now),
        Action::ShowCommands => {
            state.screen.overlay_cursor = 0;
            state.runs_update(runs::Msg::CommandsToggled, now)
        }
        // A review asks for write where it is needed: no way round by closing and opening it again.
        Action::ArmWrite => match state.runs.review.as_ref().map(|review| review.plan.service.env.clone()) {
            Some(env) => {
                forget_refusal(state);
                state.runs_update(runs::Msg::WriteArmed(env), now)
            }
            None => Vec::new(),
        },
        Action::RedrawScreen => vec![Effect::Redraw],
        Action::Suspend => vec![Effect::Suspend],
        _ => {
            let hint = if production {
                "only what is typed here counts: the name, a reason, then Enter; Esc cancels"
            } else {
                "Enter is not yes here; Esc cancels"
            };
            state.screen.say(now, Tone::Info, hint);
            Vec::new()
        }
    }
}

/// While the commands of a review are read: nothing is confirmed.
fn in_script(state: &mut State, lines: usize, action: Action, now: Now) -> Vec<Effect> {
    match action {
        Action::GoBack | Action::CloseView | Action::ShowCommands => {
            state.screen.overlay_cursor = 0;
            return state.runs_update(runs::Msg::CommandsToggled, now);
        }
        Action::Move(motion) => {
            state.screen.overlay_cursor = super::moved(state.screen.overlay_cursor, lines, 15, motion);
        }
        Action::RedrawScreen => return vec![Effect::Redraw],
        Action::Suspend => return vec![Effect::Suspend],
        _ => state.screen.say(now, Tone::Info, "these are the commands: Esc goes back to the review"),
    }
    Vec::new()
}

#[expect(clippy::too_many_lines, reason = "one arm for each box")]
pub(super) fn in_overlay(state: &mut State, action: Action, now: Now) -> Vec<Effect> {
    let Some(overlay) = state.screen.overlay.clone() else { return Vec::new() };
    // An entry of a menu is taken by its own key too.
    if let Overlay::Menu { actions } = &overlay
        && actions.contains(&action)
        && action != Action::OpenSelected
    {
        state.screen.close();
        return act::in_view(state, action, now);
    }
    match action {
        Action::GoBack | Action::CloseView => {
            match overlay {
                Overlay::Log(draft) => return logs::given_up(state, draft, now),
                Overlay::Deploy => return offers::give_up(state, now),
                Overlay::Section(_) => return documents::put_away(state, now),
                Overlay::Sudo => {
                    state.screen.close();
                    return state.runs_update(runs::Msg::Sudo(SudoMsg::Declined), now);
                }
                Overlay::Search => _ = found::forget(state),
                // Back to the text.
                Overlay::Update { service, incident, state: declared, whole: true } => {
                    state.screen.overlay = Some(Overlay::Update { service, incident, state: declared, whole: false });
                    return Vec::new();
                }
                _ => {}
            }
            if let Overlay::Filter(pane) = overlay {
                state.screen.drafts.remove(&Draft::Filter(pane));
                rows::refresh(state, now, true);
            }
            state.screen.close();
            Vec::new()
        }
        Action::Move(motion) => {
            let len = match &overlay {
                Overlay::Palette => palette::lines(state).len(),
                Overlay::Deploy => offers::choices(state).len(),
                Overlay::Menu { actions } => actions.len(),
                Overlay::Update { whole: false, .. } => {
                    turn_state(state, motion);
                    return Vec::new();
                }
                Overlay::Form(_) => {
                    form::moved(state, motion, now);
                    return Vec::new();
                }
                Overlay::Window { .. } => {
                    windows::moved(state, motion);
                    return Vec::new();
                }
                Overlay::LogList(list) => logs::list(state, *list).len(),
                Overlay::Help => usize::MAX,
                Overlay::Filter(_)
                | Overlay::Search
                | Overlay::Log(_)
                | Overlay::Sudo
                | Overlay::Note { .. }
                | Overlay::InWords { .. }
                | Overlay::Section(_)
                | Overlay::Sign { .. }
                | Overlay::EndWindow { .. }
                | Overlay::Edit { .. }
                | Overlay::Own { .. }
                | Overlay::Promise
                | Overlay::Update { .. }
                | Overlay::Seek
                | Overlay::Version { .. }
                | Overlay::Drop { .. }
                | Overlay::Host { .. }
                | Overlay::Quit
                | Overlay::TakeBack { .. }
                | Overlay::Approve { .. }
                | Overlay::Arm { .. } => 0,
            };
            state.screen.overlay_cursor = super::moved(state.screen.overlay_cursor, len, 10, motion);
            Vec::new()
        }
        Action::Confirm | Action::OpenSelected => accept(state, overlay, false, now),
        Action::SaveText if matches!(overlay, Overlay::Section(_) | Overlay::Edit { .. }) => {
            accept(state, overlay, false, now)
        }
        Action::SayYes if asks(&overlay) => accept(state, overlay, true, now),
        Action::SayOnce if offers_once(&overlay) => once(state, overlay),
        Action::RenameTerm if overlay == Overlay::LogList(super::LogList::Filters) => logs::rename(state, now),
        Action::FocusNextPane if overlay == Overlay::Deploy => offers::complete(state, now),
        Action::FocusNextPane if overlay == Overlay::Sudo => state.runs_update(runs::Msg::Sudo(SudoMsg::Turned), now),
        Action::FocusPane(number) if matches!(overlay, Overlay::Form(_)) => {
            form::choose(state, number, now);
            Vec::new()
        }
        Action::FocusNextPane | Action::FocusPreviousPane if matches!(overlay, Overlay::Form(_)) => {
            let motion = if action == Action::FocusNextPane { Motion::Down } else { Motion::Up };
            form::moved(state, motion, now);
            Vec::new()
        }
        Action::FocusNextPane | Action::FocusPreviousPane if matches!(overlay, Overlay::Window { .. }) => {
            windows::moved(state, if action == Action::FocusNextPane { Motion::Down } else { Motion::Up });
            Vec::new()
        }
        Action::FocusNextPane if matches!(overlay, Overlay::Update { whole: false, .. }) => {
            turn_state(state, Motion::Down);
            Vec::new()
        }
        Action::RedrawScreen => vec![Effect::Redraw],
        Action::Suspend => vec![Effect::Suspend],
        _ => {
            state.screen.say(now, Tone::Info, "not while this box is open: Esc closes it");
            Vec::new()
        }
    }
}

/// Says whether a box asks for a yes.
pub fn asks(overlay: &Overlay) -> bool {
    match overlay {
        Overlay::Update { whole, .. } => *whole,
        Overlay::Quit
        | Overlay::Sign { .. }
        | Overlay::EndWindow { .. }
        | Overlay::Arm { .. }
        | Overlay::TakeBack { .. }
        | Overlay::Approve { .. }
        | Overlay::Host { question: Question::UnknownHostKey { .. }, .. } => true,
        Overlay::Help
        | Overlay::Palette
        | Overlay::Deploy
        | Overlay::Search
        | Overlay::Sudo
        | Overlay::Menu { .. }
        | Overlay::Filter(_)
        | Overlay::Log(_)
        | Overlay::LogList(_)
        | Overlay::Form(_)
        | Overlay::Note { .. }
        | Overlay::InWords { .. }
        | Overlay::Section(_)
        | Overlay::Own { .. }
        | Overlay::Promise
        | Overlay::Seek
        | Overlay::Version { .. }
        | Overlay::Drop { .. }
        | Overlay::Window { .. }
        | Overlay::Edit { .. }
        | Overlay::Host { question: Question::Passphrase { .. }, .. } => false,
    }
}

fn offers_once(overlay: &Overlay) -> bool {
    matches!(overlay, Overlay::Host { question: Question::UnknownHostKey { .. }, .. })
}

/// Trusts what a box asks about until the program ends.
fn once(state: &mut State, overlay: Overlay) -> Vec<Effect> {
    state.screen.close();
    if let Overlay::Host { host, question } = overlay {
        return vec![Effect::TrustHostKeyOnce { host, question }];
    }
    Vec::new()
}

fn turn_state(state: &mut State, motion: Motion) {
    if let Some(Overlay::Update { state: declared, .. }) = state.screen.overlay.as_mut() {
        let all = DeclaredState::ALL;
        let at = all.iter().position(|known| known == declared).unwrap_or(0);
        let step = if matches!(motion, Motion::Up | Motion::Left) { all.len() - 1 } else { 1 };
        if let Some(next) = all.get((at + step) % all.len()) {
            *declared = *next;
        }
    }
}

/// Takes what was noted, and closes the box.
fn noted(state: &mut State) -> String {
    let text = state.screen.draft(Draft::Note).trim().to_owned();
    state.screen.close();
    text
}

fn note(state: &mut State, incident: Uid, now: Now) -> Vec<Effect> {
    let text = noted(state);
    if text.is_empty() {
        return Vec::new();
    }
    let (at, by) = (now.utc, state.actor.by.clone());
    let kind = IncidentEventKind::Note { text };
    state.incidents_update(incidents::Msg::Added { incident, at, by, kind }, now, Some("saving the note"))
}

/// Does what the palette's line says.
fn picked(state: &mut State, now: Now) -> Vec<Effect> {
    let line = palette::lines(state).into_iter().nth(state.screen.overlay_cursor);
    state.screen.close();
    match line.map(|line| line.target) {
        Some(palette::Target::Act(action)) => act::act(state, action, now),
        Some(palette::Target::Go(view)) => act::go(state, view, now),
        Some(palette::Target::PlayBack(incident)) => vec![Effect::PlayBack { incident }],
        Some(palette::Target::Open(text)) => match refusal::why_not(state, Action::OpenInWords, now) {
            Some(why) => {
                state.screen.say(now, Tone::Info, why);
                Vec::new()
            }
            None => respond::open_in_words(state, text, act::selected_service(state), now),
        },
        None => Vec::new(),
    }
}

fn accept(state: &mut State, overlay: Overlay, yes: bool, now: Now) -> Vec<Effect> {
    match overlay {
        Overlay::Palette => picked(state, now),
        Overlay::Menu { actions } => {
            let action = actions.get(state.screen.overlay_cursor).copied();
            state.screen.close();
            action.map_or_else(Vec::new, |action| act::act(state, action, now))
        }
        Overlay::Deploy => offers::choose(state, now),
        Overlay::Log(draft) => logs::typed(state, draft, now),
        Overlay::LogList(list) => logs::chosen(state, list, now),
        Overlay::Search => found::kept(state, now),
        Overlay::Sudo => password(state, now),
        Overlay::Filter(_) | Overlay::Help => {
            state.screen.close();
            Vec::new()
        }
        Overlay::Form(form) => form::accept(state, &form, now),
        Overlay::Note { incident } => note(state, incident, now),
        Overlay::InWords { service } => {
            respond::open_in_words(state, state.screen.draft(Draft::Note).to_owned(), service, now)
        }
        Overlay::Section(of) => documents::save(state, of, now),
        Overlay::Own { alert } => {
            let why = noted(state);
            respond::own(state, alert, Some(why), now)
        }
        Overlay::Promise => handover::promise(state, now),
        Overlay::Seek => replay::seek(state, now),
        Overlay::Version { service } => pipeline::begin(state, service, now),
        Overlay::Sign { digest } if yes => handover::sign(state, &digest, now),
        Overlay::Drop { token } => drop_item(state, token, now),
        Overlay::Edit { token, was } => items::save(state, token, &was, now),
        Overlay::Window { .. } => windows::add(state, now),
        Overlay::EndWindow { window } if yes => windows::end(state, window, now),
        Overlay::Update { service, incident, state: declared, whole } if yes || !whole => {
            publish(state, Word { incident, service, state: declared, text: String::new() }, yes, now)
        }
        // Enter is never yes where a key is trusted, write is armed, or runs are left alone.
        Overlay::Host { host, question: question @ Question::UnknownHostKey { .. } } if yes => {
            state.screen.close();
            vec![Effect::AcceptHostKey { host, question }]
        }
        Overlay::Host { host, question: Question::Passphrase { identity } } => {
            state.screen.close();
            state.screen.drafts.remove(&Draft::Passphrase);
            vec![Effect::UnlockIdentity { host, identity }]
        }
        Overlay::Quit if yes => vec![Effect::Quit],
        Overlay::Arm { env } if yes => {
            state.screen.close();
            state.runs_update(runs::Msg::WriteArmed(env), now)
        }
        Overlay::Approve { run } if yes => {
            state.screen.close();
            state.runs_update(runs::Msg::Approved { run }, now)
        }
        Overlay::TakeBack { run } if yes => {
            state.screen.close();
            state.runs_update(runs::Msg::Stopped { run, undo: true }, now)
        }
        Overlay::Host { .. }
        | Overlay::Update { .. }
        | Overlay::Quit
        | Overlay::EndWindow { .. }
        | Overlay::Sign { .. }
        | Overlay::Arm { .. }
        | Overlay::TakeBack { .. }
        | Overlay::Approve { .. } => {
            state.screen.say(now, Tone::Info, "Enter is not yes here: the key beside the button is");
            Vec::new()
        }
    }
}

/// Takes the text of an update, or what is proposed where nothing was written; it is sent on a yes.
fn publish(state: &mut State, word: Word, yes: bool, now: Now) -> Vec<Effect> {
    let typed = state.screen.draft(Draft::Update).trim().to_owned();
    let text = if typed.is_empty() { state.proposed(&word) } else { typed };
    let word = Word { text, ..word };
    if !yes {
        if let Some(why) = state.update_refused(&word) {
            state.screen.say(now, Tone::Error, why);
            return Vec::new();
        }
        state.screen.drafts.insert(Draft::Update, word.text);
        let Word { incident, service, state: declared, .. } = word;
        state.screen.overlay = Some(Overlay::Update { service, incident, state: declared, whole: true });
        return Vec::new();
    }
    let to = state.versions(&word, now.utc).to;
    match state.announce(&word, now) {
        Ok(effects) => {
            state.screen.close();
            said(effects, format!("told as {}: {}", word.state.word(), to.join(", ")))
        }
        Err(why) => {
            state.screen.say(now, Tone::Error, why);
            Vec::new()
        }
    }
}

/// Has an item of the outbox not written, for the reason that was given.
fn drop_item(state: &mut State, token: Uid, now: Now) -> Vec<Effect> {
    let reason = state.screen.draft(Draft::Drop).trim().to_owned();
    if reason.is_empty() {
        state.screen.say(now, Tone::Error, "say why: it is kept with the item");
        return Vec::new();
    }
    state.screen.close();
    state.outbox_update(outbox::Msg::DropAsked { token, reason }, now)
}

/// Has the password tried that was typed.
fn password(state: &mut State, now: Now) -> Vec<Effect> {
    if state.screen.draft(Draft::Passphrase).is_empty() || !state.runs.sudo_settled(now) {
        state.screen.say(now, Tone::Info, "type the password; Esc goes on without it, to look only");
        return Vec::new();
    }
    state.screen.close();
    state.screen.drafts.remove(&Draft::Passphrase);
    state.screen.say(now, Tone::Info, "the password is tried; nothing is changed by that");
    state.runs_update(runs::Msg::Sudo(SudoMsg::Given), now)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::{
        inventory::Inventory,
        runs::Actor,
        time::{Mono, Timestamp},
    };

    #[test]
    fn a_host_key_is_trusted_by_a_yes_alone_for_good_or_once() {
        let now = Now { utc: Timestamp(0), mono: Mono(0) };
        let question = Question::UnknownHostKey {
            pattern: "web".into(),
            algorithm: "ssh-ed25519".into(),
            fingerprint: "SHA256:x".into(),
            line: "web ssh-ed25519 AAAA".into(),
        };
        let asked = |overlay: &Overlay, action| {
            let actor = Actor { by: "ann".into(), from: "ann@here".into() };
            let mut state = State::new(Arc::new(Inventory::default()), actor);
            state.screen.open(overlay.clone());
            let effects = act::act(&mut state, action, now);
            (effects, state.screen.overlay.is_none())
        };
        let overlay = Overlay::Host { host: "web".into(), question: question.clone() };
        let accepted = Effect::AcceptHostKey { host: "web".into(), question: question.clone() };
        assert_eq!(asked(&overlay, Action::SayYes), (vec![accepted], true));
        let once = Effect::TrustHostKeyOnce { host: "web".into(), question };
        assert_eq!(asked(&overlay, Action::SayOnce), (vec![once], true));
        assert_eq!(asked(&overlay, Action::Confirm), (Vec::new(), false));
        assert_eq!(asked(&overlay, Action::GoBack), (Vec::new(), true));
        assert_eq!(asked(&Overlay::Quit, Action::SayOnce), (Vec::new(), false));
    }
}
