// Comfort only: every page works without this file.
(() => {
  const fragment = document.querySelector('input[name=fragment]');
  // The server never sees what stands behind the #; it comes back with the form, and the way back keeps it.
  if (fragment && location.hash.length > 1) fragment.value = location.hash;

  for (const form of document.querySelectorAll('form[data-once]')) {
    form.addEventListener('submit', (event) => {
      if (form.getAttribute('aria-busy') === 'true') event.preventDefault();
      form.setAttribute('aria-busy', 'true');
    });
  }
  // What the form would say about the way back and the length of the session, the links to providers say too.
  for (const box of document.querySelectorAll('[data-remember]')) box.hidden = false;
  for (const link of document.querySelectorAll('a[data-provider]')) {
    link.addEventListener('click', () => {
      const url = new URL(link.href);
      if (location.hash.length > 1) url.searchParams.set('fragment', location.hash);
      if (document.querySelector('input[name=remember]')?.checked) url.searchParams.set('remember', 'on');
      link.href = url.href;
    });
  }

  // Back from the next page, the form must be usable again.
  window.addEventListener('pageshow', () => {
    for (const form of document.querySelectorAll('form[data-once]')) form.removeAttribute('aria-busy');
  });

  const reveal = document.querySelector('.reveal');
  const password = document.getElementById('password');
  if (reveal && password) {
    const show = (visible) => {
      password.type = visible ? 'text' : 'password';
      reveal.setAttribute('aria-pressed', String(visible));
    };
    reveal.hidden = false;
    reveal.addEventListener('click', () => {
      show(password.type === 'password');
      password.focus();
    });
    // A browser may offer to remember what a text field held.
    password.form.addEventListener('submit', () => show(false));
  }

  document.getElementById('error')?.focus();
})();
