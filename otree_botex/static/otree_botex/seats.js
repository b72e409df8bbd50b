// The page "Seats". Whatever was written elsewhere goes in through textContent, never as HTML.
(function () {
  const root = document.getElementById('llm-bots-seats');
  const tbody = root.querySelector('tbody');
  const select = document.getElementById('seats-model');
  const told = document.getElementById('seats-told');
  const rows = new Map();

  function makeRow(seat) {
    const row = tbody.insertRow();
    const parts = {row};
    const cells = ['seat', 'who', 'where', 'active', 'action'].map(() => row.insertCell());
    parts.seat = llmBotsElement('span');
    parts.who = llmBotsElement('span', 'llm-bots-state');
    parts.since = llmBotsElement('small', 'text-muted ms-1');
    parts.bot = llmBotsElement('a', 'd-block small');
    parts.page = llmBotsElement('div');
    parts.app = llmBotsElement('small', 'text-muted');
    parts.active = llmBotsElement('span', 'text-nowrap');
    parts.give = llmBotsElement('button', 'btn btn-sm btn-outline-primary text-nowrap', 'Give to a bot');
    parts.take = llmBotsElement('button', 'btn btn-sm btn-outline-danger text-nowrap', 'Take back from the bot');
    parts.link = llmBotsElement('div', 'llm-bots-link');
    parts.open = llmBotsElement('a', '', 'Open its link');
    parts.open.target = '_blank';
    parts.copy = llmBotsElement('button', 'btn btn-sm btn-link p-0', 'Copy link');
    for (const button of [parts.give, parts.take, parts.copy]) button.type = 'button';
    parts.link.append(parts.open, parts.copy);
    cells[0].append(parts.seat);
    cells[1].append(parts.who, parts.since, parts.bot);
    cells[2].append(parts.page, parts.app);
    cells[3].append(parts.active);
    cells[4].append(parts.give, parts.take, parts.link);
    parts.give.addEventListener('click', () => llmBotsMayGive(parts.now) && change('give', parts));
    parts.take.addEventListener('click', () => change('take', parts));
    parts.copy.addEventListener('click', () => copy(parts));
    return parts;
  }

  function clock(seconds) {
    return new Date(1000 * seconds).toLocaleTimeString([], {hour: '2-digit', minute: '2-digit'});
  }

  async function change(action, parts) {
    parts.give.disabled = parts.take.disabled = true;
    const reply = await act(action, parts.now.code, select.value);
    parts.give.disabled = parts.take.disabled = false;
    llmBotsTell(told, reply);
    if (!reply.error) parts.shown = action === 'take';
    show({seats: [parts.now]});
  }

  async function copy(parts) {
    try {
      await navigator.clipboard.writeText(parts.now.link);
      parts.copy.textContent = 'Copied';
    } catch (error) {  // only pages on https and on this machine may
      prompt('The participant’s link:', parts.now.link);
    }
  }

  function showOne(seat) {
    if (!rows.has(seat.code)) rows.set(seat.code, makeRow(seat));
    const parts = rows.get(seat.code), who = llmBotsWho(seat), can = llmBotsCan(seat);
    parts.now = seat;
    parts.seat.textContent = `P${seat.seat} ${seat.label}`.trim();
    parts.who.textContent = who.text;
    parts.who.dataset.state = who.state;
    parts.since.textContent = seat.since && seat.who === 'person' ? `since ${clock(seat.since)}` : '';
    parts.bot.textContent = seat.bot ? `${seat.who === 'bot' ? '' : 'before: '}${seat.model}, launch ${seat.launch}` : '';
    parts.bot.href = seat.bot ? location.pathname.replace(/seats$/, `bot/${seat.bot}`) : '';
    parts.page.textContent = seat.at_end ? 'at the end' : seat.page;
    const round = seat.round ? `, round ${seat.round}` : '';
    parts.app.textContent = seat.at_end || !seat.page ? '' : `${seat.app}${round} · page ${seat.done + 1} of ${seat.pages}`;
    parts.active.textContent = seat.active ? llmBotsAgo(seat.now - seat.active) : '–';
    parts.give.hidden = !can.give;
    parts.take.hidden = !can.take;
    parts.link.hidden = !(seat.who === 'free' || (parts.shown && seat.who === 'person'));
    parts.open.href = seat.link;
  }

  function show(reply) {
    if (reply.models) llmBotsModels(select, reply.models);
    reply.seats.forEach(showOne);
  }

  const act = llmBotsSeating(root, show);
})();
