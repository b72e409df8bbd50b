// Keeps the tab "LLM bots" up to date: asks for the bots once a second and writes them into the table.
// Whatever a page, a participant or a model wrote goes in through textContent, never as HTML.
(function () {
  const root = document.getElementById('llm-bots');
  const byId = id => document.getElementById(id);
  const tbody = root.querySelector('tbody');
  const rows = new Map();
  const STATES = {waiting: 'waiting for others'};
  let timer = null;

  function cell(row, className) {
    const td = row.insertCell();
    if (className) td.className = className;
    return td;
  }

  function button(label, action, bot, style) {
    const element = document.createElement('button');
    element.type = 'button';
    element.textContent = label;
    element.className = 'btn btn-sm ' + style;
    element.addEventListener('click', () => act(action, bot, element));
    return element;
  }

  function makeRow(bot) {
    const row = tbody.insertRow();
    const link = document.createElement('a');
    link.href = `${location.pathname}/bot/${bot.bot}`;
    const state = document.createElement('span');
    const progress = document.createElement('div');
    progress.className = 'progress';
    progress.append(document.createElement('div'));
    const parts = {row, link, state, bar: progress.firstChild};
    cell(row).append(link);
    parts.model = cell(row);
    cell(row).append(state);
    parts.page = document.createElement('div');
    parts.where = document.createElement('small');
    parts.where.className = 'text-muted text-nowrap';
    cell(row).append(parts.page, parts.where);
    cell(row).append(progress);
    for (const name of ['calls', 'tokens', 'cost', 'seconds']) parts[name] = cell(row, 'num');
    parts.reason = document.createElement('div');
    cell(row).append(parts.reason);
    parts.stop = button('Stop', 'stop', bot.bot, 'btn-outline-danger');
    parts.again = button('Start again', 'again', bot.bot, 'btn-outline-primary');
    cell(row, 'text-nowrap').append(parts.stop, parts.again);
    return parts;
  }

  function duration(seconds) {
    const minutes = Math.floor(seconds / 60);
    return minutes ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(seconds)} s`;
  }

  function show(bot) {
    if (!rows.has(bot.bot)) rows.set(bot.bot, makeRow(bot));
    const parts = rows.get(bot.bot);
    const active = !['finished', 'failed', 'stopped'].includes(bot.state);
    parts.link.textContent = `P${bot.seat} ${bot.label}`.trim();
    parts.link.title = 'Read what this bot saw and said';
    parts.model.textContent = bot.model;
    parts.state.textContent = bot.stopping ? 'stopping' : (STATES[bot.state] || bot.state);
    parts.state.className = `llm-bots-state llm-bots-${bot.state}`;
    const somewhere = bot.page && bot.state !== 'finished';
    parts.page.textContent = somewhere ? bot.page : '';
    parts.where.textContent = somewhere ? bot.app + (bot.round ? `, round ${bot.round}` : '') : '';
    parts.bar.className = 'progress-bar' + (bot.state === 'failed' ? ' bg-danger' : bot.state === 'finished' ? ' bg-success' : '');
    parts.bar.style.width = bot.pages ? `${100 * bot.done / bot.pages}%` : '0';
    parts.bar.parentNode.title = `${bot.done} of ${bot.pages} pages`;
    parts.calls.textContent = bot.calls;
    parts.tokens.textContent = bot.tokens.toLocaleString();
    parts.cost.textContent = bot.cost ? `$${bot.cost.toFixed(4)}` : '–';
    parts.seconds.textContent = duration(bot.seconds);
    parts.reason.textContent = bot.error || bot.reason;
    parts.reason.title = bot.error || bot.reason;
    parts.reason.className = bot.error ? 'error' : 'reason';
    parts.stop.hidden = !active;
    parts.stop.disabled = bot.stopping;
    parts.again.hidden = active || bot.state === 'finished';
  }

  function showAll(bots) {
    bots.forEach(show);
    const current = new Set(bots.map(bot => bot.bot));
    for (const [id, parts] of rows) {
      if (!current.has(id)) { parts.row.remove(); rows.delete(id); }
    }
    bots.forEach(bot => tbody.append(rows.get(bot.bot).row));
    byId('llm-bots-live').hidden = !bots.length;
    byId('llm-bots-none').hidden = bots.length > 0;
    showLaunches(bots);
    const count = {};
    bots.forEach(bot => { count[bot.state] = (count[bot.state] || 0) + 1; });
    byId('llm-bots-summary').textContent = Object.entries(count).map(([state, n]) => `${n} ${STATES[state] || state}`).join(', ');
    byId('all-stop').hidden = !bots.some(bot => !['finished', 'failed', 'stopped'].includes(bot.state));
    byId('all-again').hidden = !bots.some(bot => ['failed', 'stopped'].includes(bot.state));
  }

  function showLaunches(bots) {
    const list = byId('llm-bots-launches');
    const models = new Map(bots.map(bot => [bot.launch, bot.model]));
    if (list.dataset.shown === [...models.keys()].join()) return;
    list.dataset.shown = [...models.keys()].join();
    list.replaceChildren(...[...models].flatMap(([launch, model], index) => {
      const link = document.createElement('a');
      link.href = `${location.pathname}/launch/${launch}`;
      link.textContent = `${launch} (${model})`;
      return index ? [' · ', link] : [link];
    }));
  }

  function showModels(models, ready) {
    if (!ready) return;
    byId('llm-bots-looking').hidden = true;
    const list = byId('llm-bots-models');
    const known = [...list.querySelectorAll('input')].map(input => input.value + input.disabled).join();
    if (known === models.map(model => model.name + !model.usable).join()) return;
    const chosen = (list.querySelector('input:checked') || {}).value;
    list.replaceChildren(...models.map((model, index) => {
      const line = document.createElement('div');
      line.className = 'form-check';
      const input = Object.assign(document.createElement('input'), {
        className: 'form-check-input', type: 'radio', name: 'model', id: `model-${index + 1}`,
        value: model.name, disabled: !model.usable, checked: model.usable && (chosen ? model.name === chosen : index === 0),
      });
      const label = Object.assign(document.createElement('label'), {className: 'form-check-label', htmlFor: input.id, textContent: model.name});
      if (model.reason) label.append(Object.assign(document.createElement('small'), {className: 'text-muted d-block', textContent: model.reason}));
      line.append(input, label);
      return line;
    }));
  }

  function showError(message) {
    byId('llm-bots-error').textContent = message;
    byId('llm-bots-error').hidden = !message;
  }

  async function act(action, bot, element) {
    const data = new FormData(byId('llm-bots-actions'));
    data.set('action', action);
    data.set('bot', bot);
    element.disabled = true;
    try {
      const response = await fetch(location.pathname, {method: 'POST', headers: {Accept: 'application/json'}, body: new URLSearchParams(data)});
      const reply = response.headers.get('content-type').includes('json') ? await response.json() : {error: await response.text()};
      showError(reply.error || '');
      if (reply.bots) showAll(reply.bots);
    } catch (error) {
      showError('The server does not answer.');
    }
    element.disabled = false;
  }

  async function refresh() {
    clearTimeout(timer);
    try {
      const response = await fetch(root.dataset.status, {headers: {Accept: 'application/json'}});
      const reply = await response.json();
      showAll(reply.bots);
      showModels(reply.models, reply.models_ready);
      root.classList.remove('opacity-50');
    } catch (error) {
      root.classList.add('opacity-50');  // the server is away; what stands here is old
    }
    timer = setTimeout(refresh, 1000);
  }

  byId('llm-bots-actions').addEventListener('submit', event => {
    event.preventDefault();
    act(event.submitter.value, 'all', event.submitter);
  });
  document.querySelectorAll('input[name=number]').forEach(input => input.addEventListener('focus', () => { byId('seats-number').checked = true; }));
  document.querySelectorAll('input[name=seat]').forEach(input => input.addEventListener('change', () => { byId('seats-picked').checked = true; }));
  refresh().then(() => { if (!rows.size) byId('add-llm-bots').open = true; });
})();
