// A control in each row of oTree's Monitor: who has the seat, and a small menu to give it to a bot or take it back.
// oTree adds and changes its rows by itself, so a cell of ours is put into each row that has none.
(function () {
  const root = document.getElementById('llm-bots-monitor');
  const table = document.getElementById('monitor-table');
  const message = llmBotsElement('div');
  const known = new Map();  // the seats, by their numbers
  let models = [];
  message.id = 'llm-bots-monitor-told';
  message.setAttribute('role', 'status');
  table.after(message);

  function numberOf(row) {
    const cell = row.querySelector('td[data-field=_numeric_label]');  // oTree 5
    return Number(row.dataset.id_in_session || (cell ? cell.textContent.slice(1) : 0));
  }

  function makeCell(row) {
    const cell = llmBotsElement('td', 'llm-bots-cell');
    const menu = llmBotsElement('details');
    const summary = llmBotsElement('summary', 'llm-bots-state');
    const box = llmBotsElement('div', 'llm-bots-menu');
    const select = llmBotsElement('select', 'form-select form-select-sm');
    const give = llmBotsElement('button', 'btn btn-sm btn-outline-primary', 'Give to a bot');
    const take = llmBotsElement('button', 'btn btn-sm btn-outline-danger', 'Take back from the bot');
    const open = llmBotsElement('a', 'small', 'Open its link');
    select.setAttribute('aria-label', 'Model');
    give.type = take.type = 'button';
    open.target = '_blank';
    box.append(select, give, take, open);
    menu.append(summary, box);
    cell.append(menu);
    row.cells[0].after(cell);  // beside the participant's number: in sight on small screens, too
    const parts = cell.parts = {row, summary, select, give, take, open, menu};
    give.addEventListener('click', () => llmBotsMayGive(parts.now) && change('give', parts));
    take.addEventListener('click', () => change('take', parts));
    menu.addEventListener('keydown', event => { if (event.key === 'Escape') menu.open = false; });
    menu.addEventListener('toggle', () => {
      if (!menu.open) return;
      closeOthers(menu);
      fetch(`${root.dataset.seats}?look`).catch(() => null);  // what it finds comes with one of the next answers
    });
    return cell;
  }

  function closeOthers(menu) {
    table.querySelectorAll('.llm-bots-cell details[open]').forEach(other => { if (other !== menu) other.open = false; });
  }

  async function change(action, parts) {
    parts.give.disabled = parts.take.disabled = true;
    const reply = await act(action, parts.now.code, parts.select.value);
    parts.give.disabled = parts.take.disabled = false;
    llmBotsTell(message, reply);
    if (action === 'give' && !reply.error) parts.menu.open = false;
  }

  function fill(row) {
    const seat = known.get(numberOf(row));
    if (!seat) return;
    const parts = (row.querySelector('.llm-bots-cell') || makeCell(row)).parts;
    const who = llmBotsWho(seat), can = llmBotsCan(seat);
    parts.now = seat;
    parts.summary.textContent = who.text;
    parts.summary.dataset.state = who.state;
    parts.summary.title = seat.bot ? `${seat.model}, launch ${seat.launch}` : '';
    llmBotsModels(parts.select, models);
    parts.select.hidden = parts.give.hidden = !can.give;
    parts.take.hidden = !can.take;
    parts.open.hidden = seat.who === 'bot';
    parts.open.href = seat.link;
  }

  function fillAll() {
    if (known.size && !table.tHead.querySelector('.llm-bots-cell')) {
      const head = llmBotsElement('th', 'llm-bots-cell', '🤖 Seat');
      table.tHead.rows[0].cells[0].after(head);
    }
    [...table.tBodies[0].rows].forEach(fill);
  }

  function show(reply) {
    models = reply.models || models;
    reply.seats.forEach(seat => known.set(seat.seat, seat));
    fillAll();
  }

  new MutationObserver(fillAll).observe(table.tBodies[0], {childList: true});
  const act = llmBotsSeating(root, show);
})();
