// The page of all launches: keeps its table up to date while bots play, and pauses or stops them.
(function () {
  const {element, set, stateInWords, used, budgetBars, countsInWords, poll, send} = LLMBots;
  const root = document.getElementById('llm-bots-overview');
  const byId = id => document.getElementById(id);
  const tbody = root.querySelector('tbody');
  const rows = new Map();
  const PAUSED = ['paused', 'pausing'];
  const HELD = [...PAUSED, 'over budget'];
  // What can be done with the bots of a launch: its name, and whether any of them is in such a state.
  const ACTIONS = {
    pause: {label: 'Pause', style: 'btn-outline-secondary', fits: state => !HELD.includes(state)},
    go_on: {label: 'Go on', style: 'btn-outline-primary', fits: state => PAUSED.includes(state)},
    stop: {label: 'Stop', style: 'btn-outline-danger', fits: () => true},
  };

  // How many bots of a launch that still play an action is for.
  function number(action, launch) {
    const {fits} = ACTIONS[action];
    const playing = Object.entries(launch.states).filter(([state]) => !['finished', 'failed', 'stopped', 'stopping'].includes(state));
    return playing.reduce((sum, [state, bots]) => sum + (fits(state) ? bots : 0), 0);
  }

  function makeRow(launch) {
    const row = element('tr', {});
    const parts = {row, buttons: {}, states: element('div', {className: 'llm-bots-states'}), bar: element('div', {}), percent: element('small', {className: 'text-muted'}), spent: element('div', {className: 'llm-bots-spent-of'})};
    const cell = (className, ...children) => row.append(element('td', {className}, ...children));
    const small = text => element('small', {className: 'text-muted d-block'}, text);
    const started = `${new Date(1000 * launch.started_at).toLocaleString()}${launch.started_by ? `, by ${launch.started_by}` : ''}`;
    cell('', element('a', {href: `/LLMBots/${launch.session}/launch/${launch.launch}`}, launch.launch), small(started));
    cell('', element('a', {href: `/LLMBots/${launch.session}`}, launch.session), small(launch.config));
    cell('llm-bots-models', launch.models);
    cell('num', String(launch.seats));
    cell('', parts.states);
    cell('', element('div', {className: 'progress'}, parts.bar), parts.percent);
    cell('', parts.spent);
    row.append(element('td', {className: 'llm-bots-buttons'}, ...Object.entries(ACTIONS).map(([action, {label, style}]) => {
      const made = element('button', {type: 'button', className: `btn btn-sm ${style}`}, label);
      made.addEventListener('click', () => act(action, launch.launch, made));
      return (parts.buttons[action] = made);
    })));
    return parts;
  }

  function show(launch) {
    if (!rows.has(launch.launch)) rows.set(launch.launch, makeRow(launch));
    const parts = rows.get(launch.launch);
    const said = JSON.stringify([launch.states, launch.spent, launch.budget]);
    if (parts.said !== said) {
      parts.said = said;
      parts.states.replaceChildren(...Object.entries(launch.states).map(([state, bots]) =>
        element('span', {className: `llm-bots-state llm-bots-${state}`}, `${bots} ${stateInWords(state)}`)));
      parts.spent.replaceChildren(...budgetBars(launch.spent, launch.budget));
    }
    const percent = `${Math.floor(100 * launch.progress)}%`;
    set(parts.percent, 'textContent', percent);
    set(parts.bar, 'className', 'progress-bar' + (launch.progress === 1 ? ' bg-success' : ''));
    set(parts.bar.style, 'width', percent);
    set(parts.row, 'className', launch.playing ? 'llm-bots-playing' : '');
    for (const [action, made] of Object.entries(parts.buttons)) set(made, 'hidden', !number(action, launch));
  }

  function take(reply) {
    const {launches} = reply;
    launches.forEach(show);
    launches.forEach((launch, index) => {
      const {row} = rows.get(launch.launch);
      if (tbody.rows[index] !== row) tbody.insertBefore(row, tbody.rows[index] || null);
    });
    while (tbody.rows.length > launches.length) tbody.lastChild.remove();
    byId('llm-bots-live').hidden = !launches.length;
    byId('llm-bots-none').hidden = launches.length > 0;
    const playing = launches.filter(launch => launch.playing), counts = {};
    for (const launch of playing) {
      for (const [state, bots] of Object.entries(launch.states)) {
        if (!['finished', 'failed', 'stopped'].includes(state)) counts[state] = (counts[state] || 0) + bots;
      }
    }
    const now = playing.length ? `${playing.length} of ${reply.number} launches play now: ${countsInWords(counts)}.` : 'No bots play now.';
    const isKnown = reply.cost || !reply.unpriced;
    const cost = isKnown ? `All launches together have cost ${used('cost', reply)}.` : 'What all launches together have cost is not known.';
    set(byId('llm-bots-summary'), 'textContent', `${now} ${cost}`);
    for (const made of byId('llm-bots-actions').querySelectorAll('button')) {
      made.hidden = !launches.some(launch => number(made.value, launch));
    }
    byId('llm-bots-more').hidden = launches.length === reply.number;
    set(byId('llm-bots-more').querySelector('a'), 'textContent', `Show all ${reply.number}`);
    return playing.length ? 1 : 10;
  }

  function showError(message) {
    byId('llm-bots-error').textContent = message;
    byId('llm-bots-error').hidden = !message;
  }

  async function act(action, launch, pressed) {
    const data = new FormData(byId('llm-bots-actions'));
    data.set('action', action);
    data.set('launch', launch);
    pressed.disabled = true;
    await send(data, reply => { take(reply); ask(); }, showError);
    pressed.disabled = false;
  }

  byId('llm-bots-actions').addEventListener('submit', event => {
    event.preventDefault();
    const {value} = event.submitter;
    if (value === 'stop' && !confirm('Stop all bots of all launches on this server? Each can be started again on its session’s page.')) return;
    act(value, '', event.submitter);
  });
  const ask = poll(root.dataset.status, root, take);
})();
