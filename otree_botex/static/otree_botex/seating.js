// What the page "Seats" and oTree's Monitor have in common: asks once a second who has which seat, and gives seats to
// bots and takes them back. `show` gets each answer; the promise of `act` is what the server said.
function llmBotsSeating(root, show) {
  async function act(action, seat, model) {
    const csrftoken = root.querySelector('[name=csrftoken]').value;
    const reply = await LLMBots.post(root.dataset.seats, {action, seat, model: model || '', csrftoken});
    if (reply.seats) show(reply);
    return reply;
  }

  LLMBots.poll(root.dataset.seats, root, show);
  return act;
}

function llmBotsElement(tag, className, text) {
  return LLMBots.element(tag, {className: className || '', textContent: text || ''});
}

// A select of the models that bots can play with now; what was chosen stays chosen.
function llmBotsModels(select, models) {
  if (select.dataset.shown === models.join('\n')) return;
  const chosen = select.value;
  select.dataset.shown = models.join('\n');
  select.replaceChildren(...models.map(name => Object.assign(document.createElement('option'), {value: name, textContent: name})));
  if (models.includes(chosen)) select.value = chosen;
}

function llmBotsAgo(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} s ago`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ${minutes % 60} min ago`;
}

// Who has a seat, in a few words, and a class for its colour.
function llmBotsWho(seat) {
  const state = LLMBots.stateInWords(seat.state);
  if (seat.who === 'bot') return {text: `🤖 ${seat.stands_in ? 'stands in' : 'bot'}: ${state}`, state: seat.state};
  if (seat.who === 'free') return {text: 'free for a person', state: 'free'};
  if (seat.who === 'person') return {text: 'person', state: 'person'};
  return {text: 'nobody yet', state: 'nobody'};
}

// What the server said to what was done; if a limit is missing, with the way to the page that has fields for it.
function llmBotsTell(told, reply) {
  told.textContent = reply.error || reply.said;
  told.className = `alert ${reply.error ? 'alert-danger' : 'alert-info'}`;
  if (reply.add) told.append(' ', Object.assign(llmBotsElement('a', 'alert-link', 'Add a bot with a limit'), {href: reply.add}));
}

// Only a bot's end and a participant's end leave nothing to give or to take.
function llmBotsCan(seat) {
  const plays = seat.plays && seat.who === 'bot';
  return {take: plays, give: !plays && !seat.plays && !seat.at_end};
}

// A person who was there a moment ago would find a bot on the seat: asked before it is given away.
function llmBotsMayGive(seat) {
  if (seat.who !== 'person' || seat.at_end) return true;
  const ago = llmBotsAgo(seat.now - seat.active);
  return confirm(`P${seat.seat} is a person's seat, and a page was opened or sent there ${ago}. Give it to a bot?`);
}
