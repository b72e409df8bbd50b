// The tab "LLM bots": keeps the table of a session's bots up to date, sorts and filters it, and acts on its bots.
(function () {
  const {LIMITS, element, set, isActive, state, stateInWords, duration, spentOf, countsInWords, poll, send} = LLMBots;
  const root = document.getElementById('llm-bots');
  const byId = id => document.getElementById(id);
  const table = root.querySelector('.llm-bots-now');
  const tbody = table.tBodies[0];
  const rows = new Map();
  const FILTERS = ['state', 'model', 'text'];
  // What can be done with a bot: what that is called, also for many at once, and for whom it makes sense.
  const ACTIONS = {
    pause: {label: 'Pause', ofMany: 'Pause …', style: 'btn-outline-secondary', fits: bot => isActive(bot) && !bot.stopping && !bot.pause_wanted},
    go_on: {label: 'Go on', ofMany: 'Let … go on', style: 'btn-outline-primary', fits: bot => isActive(bot) && !bot.stopping && bot.pause_wanted},
    stop: {label: 'Stop', ofMany: 'Stop …', style: 'btn-outline-danger', fits: bot => isActive(bot) && !bot.stopping},
    again: {label: 'Start again', ofMany: 'Start … again', style: 'btn-outline-primary', fits: bot => ['failed', 'stopped'].includes(bot.state) && !bot.has_person},
  };
  // By what each column is sorted.
  const KEYS = {
    seat: bot => bot.seat,
    persona: bot => bot.persona,
    treatment: bot => bot.treatment,
    model: bot => [bot.model, bot.row || 0],
    state: bot => state(bot),
    page: bot => [bot.app, bot.round || 0, bot.page],
    progress: bot => bot.pages ? bot.done / bot.pages : 0,
    calls: bot => bot.calls,
    tokens: bot => bot.tokens,
    cost: bot => bot.cost,
    mean: bot => bot.seconds_per_page || 0,
    here: bot => bot.seconds_here === null ? -1 : bot.seconds_here,
    said: bot => bot.error || bot.remark || bot.reason,
  };
  let bots = [], launches = [];
  let view = {sort: 'seat', down: false, state: '', model: '', text: ''};

  // --- what is shown, and in which order: kept in the address, so that it is still so after a reload

  function readView() {
    const given = new URLSearchParams(location.hash.slice(1));
    FILTERS.forEach(name => { view[name] = given.get(name) || ''; });
    view.sort = KEYS[given.get('sort')] ? given.get('sort') : 'seat';
    view.down = given.get('down') === '1';
    byId('filter-text').value = view.text;
  }

  function writeView() {
    const kept = new URLSearchParams();
    FILTERS.filter(name => view[name]).forEach(name => kept.set(name, view[name]));
    if (view.sort !== 'seat' || view.down) kept.set('sort', view.sort);
    if (view.down) kept.set('down', '1');
    history.replaceState(null, '', location.pathname + location.search + (kept.toString() ? `#${kept}` : ''));
    showAll();
  }

  function isShown(bot) {
    const texts = [`P${bot.seat}`, bot.label, bot.persona, bot.treatment, bot.app, bot.page, bot.error, bot.remark, bot.reason];
    return (!view.state || state(bot) === view.state) && (!view.model || bot.model === view.model)
      && (!view.text || texts.join('\n').toLowerCase().includes(view.text.toLowerCase()));
  }

  function compare(one, other) {
    const [first, second] = [one, other].map(bot => [KEYS[view.sort](bot)].flat());
    for (let index = 0; index < first.length; index++) {
      const [a, b] = [first[index], second[index]];
      const difference = typeof a === 'number' ? a - b : a.localeCompare(b, undefined, {numeric: true});
      if (difference) return view.down ? -difference : difference;
    }
    return one.seat - other.seat;
  }

  // --- the table

  function button(action, bot) {
    const made = element('button', {type: 'button', textContent: ACTIONS[action].label, className: `btn btn-sm ${ACTIONS[action].style}`});
    made.addEventListener('click', () => act(action, [bot], made));
    return made;
  }

  function makeRow(bot) {
    const row = tbody.insertRow();
    const transcript = `${location.pathname}/bot/${bot}`;
    const parts = {row, buttons: {}};
    const part = (name, tag, className = '') => (parts[name] = element(tag, {className}));
    const cell = (className, ...children) => { const td = row.insertCell(); td.className = className; td.append(...children); return td; };
    cell('llm-bots-seat', Object.assign(part('link', 'a'), {href: transcript, title: 'Read what this bot saw and said'}));
    parts.persona = cell('llm-bots-persona');
    parts.treatment = cell('llm-bots-treatment');
    parts.model = cell('llm-bots-model');
    cell('', part('state', 'span'), part('waitsFor', 'small', 'd-block text-muted'));
    cell('llm-bots-where', part('page', 'div'), part('where', 'small', 'text-muted'));
    part('bar', 'div');
    cell('', element('div', {className: 'progress'}, parts.bar), part('pages', 'small', 'text-muted text-nowrap'));
    for (const name of ['calls', 'tokens', 'cost', 'mean']) parts[name] = cell('num llm-bots-wide');
    parts.here = cell('num');
    const offers = part('offers', 'small', 'llm-bots-offers');
    parts.offersOf = {
      transcript: element('a', {href: transcript, textContent: 'Read its transcript'}),
      health: element('a', {href: '/LLMBotsSettings', textContent: 'Settings and health'}),
      budget: element('a', {href: '#', textContent: 'Raise the budget'}),
    };
    parts.offersOf.budget.addEventListener('click', event => { event.preventDefault(); budgets.open(parts.launch); });
    offers.append(...Object.values(parts.offersOf));
    cell('', part('said', 'div'), offers);
    const actions = cell('llm-bots-buttons');
    for (const action of Object.keys(ACTIONS)) actions.append(parts.buttons[action] = button(action, bot));
    return parts;
  }

  // Whether a limit of its launch's budget, or its own, is what keeps a bot from going on.
  function isSpent(bot) {
    const launch = launches.find(one => one.launch === bot.launch);
    if (!launch) return false;
    const reached = (spent, limit) => limit !== null && limit !== undefined && spent >= limit;
    return LIMITS.some(name => reached(launch.spent[name], launch.budget[name]) || reached(bot[name], launch.budget[`bot_${name}`]));
  }

  function show(bot) {
    if (!rows.has(bot.bot)) rows.set(bot.bot, makeRow(bot.bot));
    const parts = rows.get(bot.bot);
    const limits = (launches.find(one => one.launch === bot.launch) || {budget: {}}).budget;
    const text = (name, said) => set(parts[name], 'textContent', said);
    const isPlaying = bot.state !== 'finished';
    parts.launch = bot.launch;
    text('link', `P${bot.seat} ${bot.label}`.trim());
    text('persona', bot.persona);
    text('treatment', bot.treatment);
    text('model', bot.row ? `${bot.row}: ${bot.model}` : bot.model);
    text('state', stateInWords(state(bot)));
    set(parts.state, 'className', `llm-bots-state llm-bots-${state(bot)}`);
    text('waitsFor', bot.has_person ? 'a person has its seat' : bot.waits_for ? `for ${bot.waits_for}` : '');
    text('page', isPlaying ? bot.page : '');
    text('where', isPlaying && bot.page ? bot.app + (bot.round ? `, round ${bot.round}` : '') : '');
    set(parts.bar, 'className', 'progress-bar' + (bot.state === 'failed' ? ' bg-danger' : bot.state === 'finished' ? ' bg-success' : ''));
    const width = bot.pages ? `${Math.round(100 * bot.done / bot.pages)}%` : '0%';
    set(parts.bar.style, 'width', width);
    text('pages', `${bot.done} of ${bot.pages}`);
    LIMITS.forEach(name => text(name, spentOf(name, bot, limits[`bot_${name}`])));
    text('mean', duration(bot.seconds_per_page));
    text('here', duration(bot.seconds_here));
    text('said', bot.error || (bot.remark ? `Remark: ${bot.remark}` : bot.reason));
    set(parts.said, 'title', bot.error || bot.remark || bot.reason);
    set(parts.said, 'className', bot.state === 'failed' ? 'error' : bot.error ? 'llm-bots-notice' : 'reason');
    const isUp = Boolean(bot.error) && !isActive(bot);
    set(parts.offersOf.transcript, 'hidden', !isUp);
    set(parts.offersOf.health, 'hidden', !(isUp && ['setup', 'model'].includes(bot.cause)));
    set(parts.offersOf.budget, 'hidden', !(isPlaying && (isSpent(bot) || bot.error && ['paused', 'stopped'].includes(bot.state))));
    for (const [action, made] of Object.entries(parts.buttons)) set(made, 'hidden', !ACTIONS[action].fits(bot));
  }

  function showAll() {
    const shown = bots.filter(isShown).sort(compare);
    bots.forEach(show);
    const wanted = shown.map(bot => rows.get(bot.bot).row);
    wanted.forEach((row, index) => { if (tbody.rows[index] !== row) tbody.insertBefore(row, tbody.rows[index] || null); });
    while (tbody.rows.length > wanted.length) tbody.lastChild.remove();
    table.classList.toggle('llm-bots-no-personas', !bots.some(bot => bot.persona));
    table.classList.toggle('llm-bots-no-treatments', !bots.some(bot => bot.treatment));
    byId('llm-bots-live').hidden = !bots.length;
    byId('llm-bots-none').hidden = bots.length > 0;
    showHeads();
    showFilter(shown);
    showButtons(shown);
    budgets.show(launches);
  }

  function showHeads() {
    for (const head of table.tHead.querySelectorAll('th[data-sort]')) {
      const order = head.dataset.sort !== view.sort ? 'none' : view.down ? 'descending' : 'ascending';
      if (head.getAttribute('aria-sort') !== order) head.setAttribute('aria-sort', order);
    }
  }

  // --- the filter, and what is done with all bots that match it

  function offer(select, all, values) {
    const known = [...select.options].slice(1).map(option => `${option.value} ${option.textContent}`).join();
    const now = values.map(([value, label]) => `${value} ${label}`).join();
    if (known !== now || !select.options.length) {
      select.replaceChildren(new Option(all, ''), ...values.map(([value, label]) => new Option(label, value)));
    }
  }

  function counted(names) {
    const counts = {};
    names.forEach(name => { counts[name] = (counts[name] || 0) + 1; });
    return counts;
  }

  function showFilter(shown) {
    const counts = counted(bots.map(state));
    const states = Object.keys(view.state && !counts[view.state] ? {...counts, [view.state]: 0} : counts).sort();
    offer(byId('filter-state'), 'All states', states.map(name => [name, stateInWords(name)]));
    const models = [...new Set([...bots.map(bot => bot.model), ...(view.model ? [view.model] : [])])].sort();
    offer(byId('filter-model'), 'All models', models.map(name => [name, name]));
    ['state', 'model'].forEach(name => set(byId(`filter-${name}`), 'value', view[name]));
    const isFiltered = FILTERS.some(name => view[name]);
    byId('filter-clear').hidden = !isFiltered;
    set(byId('filter-shown'), 'textContent', isFiltered ? `${shown.length} of ${bots.length} bots shown` : '');
    set(byId('llm-bots-summary'), 'textContent', countsInWords(counts));
  }

  function showButtons(shown) {
    const isFiltered = FILTERS.some(name => view[name]);
    for (const [action, {ofMany, fits}] of Object.entries(ACTIONS)) {
      const made = byId(`all-${action}`), number = shown.filter(fits).length;
      const whom = isFiltered ? `the ${number} shown` : number === 1 ? '1 bot' : `all ${number}`;
      set(made, 'hidden', !number);
      set(made, 'textContent', ofMany.replace('…', whom));
    }
  }

  // --- asking, acting

  function showError(message) {
    byId('llm-bots-error').textContent = message;
    byId('llm-bots-error').hidden = !message;
  }

  function take(reply) {
    ({bots, launches} = reply);
    const current = new Set(bots.map(bot => bot.bot));
    for (const id of [...rows.keys()]) if (!current.has(id)) rows.delete(id);
    showAll();
  }

  async function act(action, ids, pressed) {
    if (!ids.length) return;  // to the server, no bots means all of them
    const data = new FormData(byId('llm-bots-actions'));
    data.set('action', action);
    ids.forEach(id => data.append('bot', id));
    pressed.disabled = true;
    await send(data, take, showError);
    pressed.disabled = false;
  }

  // Sends what was set for a launch; `done` is called if the server took it.
  function setBudget(given, done) {
    const data = new FormData(byId('llm-bots-actions'));
    data.set('action', 'budget');
    for (const [name, value] of given) data.set(name, value);
    send(data, reply => { done(); take(reply); }, showError);
  }

  byId('llm-bots-actions').addEventListener('submit', event => {
    event.preventDefault();
    const {value} = event.submitter;
    act(value, bots.filter(bot => isShown(bot) && ACTIONS[value].fits(bot)).map(bot => bot.bot), event.submitter);
  });
  table.tHead.addEventListener('click', event => {
    const head = event.target.closest('button') && event.target.closest('th');
    if (!head) return;
    const key = head.dataset.sort;
    view.down = key === view.sort ? !view.down : false;
    view.sort = key;
    writeView();
  });
  FILTERS.forEach(name => byId(`filter-${name}`).addEventListener('input', event => { view[name] = event.target.value; writeView(); }));
  byId('filter-clear').addEventListener('click', () => {
    FILTERS.forEach(name => { view[name] = ''; });
    byId('filter-text').value = '';
    writeView();
  });
  window.addEventListener('hashchange', () => { readView(); showAll(); });
  const budgets = LLMBots.budgets(byId('llm-bots-launches'), byId('llm-bots-launch'), setBudget);
  readView();
  poll(root.dataset.status, root, take);
})();
