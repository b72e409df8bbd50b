// The panel of a room: what bots are doing there now, asked for once a second, and buttons to switch them off and on.
(function () {
  const root = document.getElementById('llm-bots-room');
  const list = root.querySelector('.llm-bots-doing');
  const state = root.querySelector('.llm-bots-state');
  const alert = root.querySelector('.alert');
  const buttons = [...root.querySelectorAll('button[data-action]')];
  const STATES = {on: 'on', off: 'off', error: 'not as it should be'};
  let timer = null;

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

  async function ask(url, options) {
    const response = await fetch(url, {headers: {Accept: 'application/json'}, ...options});
    if (!(response.headers.get('content-type') || '').includes('json')) throw new Error(await response.text());
    return response.json();
  }

  async function refresh() {
    clearTimeout(timer);
    try {
      show(await ask(`${root.dataset.room}/now`));
      root.classList.remove('opacity-50');
    } catch (error) {
      root.classList.add('opacity-50');  // the server is away; what stands here is old
    }
    timer = setTimeout(refresh, 1000);
  }

  async function act(action) {
    const data = new URLSearchParams({action, csrftoken: root.querySelector('[name=csrftoken]').value});
    let said = '';
    try {
      const reply = await ask(root.dataset.room, {method: 'POST', body: data});
      said = reply.error || '';
      if (!said) show(reply);
    } catch (error) {
      said = 'The server does not answer, or you are not logged in any more.';
    }
    alert.textContent = said;
    alert.hidden = !said;
  }

  buttons.forEach(button => button.addEventListener('click', () => act(button.dataset.action)));
  refresh();
})();
