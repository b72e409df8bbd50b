// The panel of a room: what bots are doing there now, asked for once a second, and buttons to switch them off and on.
(function () {
  const root = document.getElementById('llm-bots-room');
  const list = root.querySelector('.llm-bots-doing');
  const state = root.querySelector('.llm-bots-state');
  const alert = root.querySelector('.alert');
  const buttons = [...root.querySelectorAll('button[data-action]')];
  const STATES = {on: 'on', off: 'off', error: 'not as it should be'};

  function show(room) {
    if (list.dataset.shown !== room.lines.join('\n')) {  // so that what has not changed is not read out again
      list.dataset.shown = room.lines.join('\n');
      list.replaceChildren(...room.lines.map(line => Object.assign(document.createElement('li'), {textContent: line})));
    }
    state.hidden = !STATES[room.state];
    state.textContent = STATES[room.state] || '';
    state.dataset.state = {on: 'finished', error: 'failed'}[room.state] || '';
    for (const button of buttons) {
      const forOn = button.dataset.action !== 'on';
      button.hidden = forOn ? !(room.state === 'on' || (button.dataset.action === 'off_and_stop' && room.state === 'off' && room.plays)) : room.state !== 'off';
    }
  }

  async function act(action) {
    const reply = await LLMBots.post(root.dataset.room, {action, csrftoken: root.querySelector('[name=csrftoken]').value});
    if (!reply.error) show(reply);
    alert.textContent = reply.error || '';
    alert.hidden = !reply.error;
  }

  buttons.forEach(button => button.addEventListener('click', () => act(button.dataset.action)));
  LLMBots.poll(`${root.dataset.room}/now`, root, show);
})();
