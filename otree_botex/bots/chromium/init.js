// Runs in every frame before the page's own scripts. Remembers what cannot be asked of a document afterwards: which
// elements listen to the mouse, to being dropped on and to keys, and closed shadow roots. Wakes up who waits for a
// change. Says on the console what the page wants and may not have.
(() => {
  if (window.__botex) return;
  const MOUSE = ['click', 'dblclick', 'mousedown', 'mouseup', 'pointerdown', 'pointerup', 'touchstart', 'touchend'];
  const CLICK = ['click', 'dblclick'], GRIP = ['mousedown', 'pointerdown', 'touchstart'];
  const DROP = ['drop', 'dragover', 'dragenter'];
  const KEYS = ['keydown', 'keyup', 'keypress'];
  const OTREES = /\/static\/(otree|bootstrap)/;  // Bootstrap listens to keys on every page
  const botex = {
    mouse: new WeakSet(), clicks: new WeakSet(), grips: new WeakSet(), drops: new WeakSet(),
    keys: false, roots: new WeakMap(),
    numbers: new WeakMap(), elements: new Map(), next: 0, version: 0, waiting: [],
    observe(root) {
      const what = {subtree: true, childList: true, attributes: true, characterData: true};
      new MutationObserver(() => botex.wake()).observe(root, what);
    },
    wake() {
      botex.version += 1;
      for (const resolve of botex.waiting.splice(0)) resolve(true);
    },
    // True as soon as something has changed since the version, false after so many milliseconds without.
    changed(version, milliseconds) {
      if (botex.version !== version) return Promise.resolve(true);
      return new Promise(resolve => {
        botex.waiting.push(resolve);
        setTimeout(() => resolve(false), milliseconds);
      });
    },
  };
  Object.defineProperty(window, '__botex', {value: botex});

  const listen = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (type, ...rest) {
    if (KEYS.includes(type) && !(this instanceof HTMLInputElement || this instanceof HTMLTextAreaElement)
        && !OTREES.test(document.currentScript?.src || '')) {
      botex.keys = true;
    }
    if (this instanceof Element) {
      if (MOUSE.includes(type)) botex.mouse.add(this);
      if (CLICK.includes(type)) botex.clicks.add(this);
      if (GRIP.includes(type)) botex.grips.add(this);
      if (DROP.includes(type)) botex.drops.add(this);
    }
    return listen.call(this, type, ...rest);
  };
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (options) {
    const root = attach.call(this, options);
    botex.roots.set(this, root);
    botex.observe(root);
    return root;
  };

  const say = console.warn.bind(console);
  const refuse = what => say('Not allowed by otree-botex: ' + what);
  const ASKING = [  // the browser itself refuses these
    [window.Geolocation?.prototype, ['getCurrentPosition', 'watchPosition'], 'geolocation'],
    [window.Notification, ['requestPermission'], 'notifications'],
    [window.Clipboard?.prototype, ['read', 'readText'], 'clipboard'],
    [window.MediaDevices?.prototype, ['getUserMedia', 'getDisplayMedia'], 'camera or microphone'],
  ];
  for (const [holder, names, what] of ASKING) {
    for (const name of names) {
      const ask = holder?.[name];
      if (ask) holder[name] = function (...rest) { refuse(what); return ask.apply(this, rest); };
    }
  }
  for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection', 'WebTransport']) {  // ways to other hosts
    if (!window[name]) continue;
    window[name] = class {
      constructor() {
        refuse(name);
        throw new DOMException('', 'NotAllowedError');
      }
    };
  }

  botex.observe(document);
  for (const type of ['input', 'change']) listen.call(document, type, () => botex.wake(), true);
})();
