// The ceremonies of passkeys. A page's form holds the options of one ceremony; this script hands them to the browser, and
// sends the form with the response. It asks no server and keeps nothing.
"use strict";
(() => {
  const supported = "PublicKeyCredential" in window && "credentials" in navigator;

  const toBytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  const named = (list) => list.map((credential) => ({ ...credential, id: toBytes(credential.id) }));

  // The browser forgets passkeys that were removed or that nobody has, and learns the user's present name.
  const tellBrowser = async () => {
    const signals = [];
    const unknown = document.querySelector("[data-passkey-unknown]");
    if (unknown) signals.push(["signalUnknownCredential", JSON.parse(unknown.dataset.passkeyUnknown)]);
    const accepted = document.querySelector("[data-passkeys-accepted]");
    if (accepted) {
      const { rpId, userId, allAcceptedCredentialIds, name, displayName } = JSON.parse(accepted.dataset.passkeysAccepted);
      signals.push(["signalAllAcceptedCredentials", { rpId, userId, allAcceptedCredentialIds }]);
      signals.push(["signalCurrentUserDetails", { rpId, userId, name, displayName }]);
    }
    for (const [signal, details] of signals) {
      if (signal in PublicKeyCredential) await PublicKeyCredential[signal](details).catch(() => {});
    }
  };

  const enable = (form) => {
    const creates = form.dataset.passkey === "create";
    const options = JSON.parse(form.dataset.options);
    options.challenge = toBytes(options.challenge);
    if (creates) {
      options.user.id = toBytes(options.user.id);
      options.excludeCredentials = named(options.excludeCredentials);
    } else {
      options.allowCredentials = named(options.allowCredentials);
    }

    const button = form.querySelector("button");
    let waiting = null;
    let isStale = false;

    const show = (message) => {
      for (const element of form.querySelectorAll("[data-message]")) {
        element.hidden = element.dataset.message !== message;
      }
    };

    const send = (credential) => {
      const { response } = credential;
      const transports = creates && response.getTransports ? response.getTransports() : [];
      const values = {
        credential: credential.rawId,
        client_data: response.clientDataJSON,
        attestation_object: response.attestationObject,
        authenticator_data: creates ? null : response.authenticatorData,
        signature: response.signature,
        user_handle: response.userHandle,
      };
      for (const [name, value] of Object.entries(values)) {
        if (value && form.elements[name]) form.elements[name].value = toText(value);
      }
      if (form.elements.transports) form.elements.transports.value = transports.join(",");
      // The checkbox of the form above counts for this one, too.
      const remember = document.querySelector("input[type=checkbox][name=remember]");
      if (remember && remember.checked && form.elements.remember) form.elements.remember.value = "yes";
      form.submit();
    };

    const ask = async (mediation) => {
      if (waiting) waiting.abort();
      const controller = new AbortController();
      waiting = controller;
      const request = { publicKey: options, signal: controller.signal };
      if (mediation) request.mediation = mediation;
      const credential = await (creates ? navigator.credentials.create(request) : navigator.credentials.get(request));
      if (credential) send(credential);
    };

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      // A challenge that has expired: the page gives a new one.
      if (isStale) {
        location.replace(location.href.split("#")[0]);
        return;
      }
      show(null);
      button.disabled = true;
      try {
        await ask();
      } catch (error) {
        show(error.name === "InvalidStateError" ? "known" : "cancelled");
      } finally {
        button.disabled = false;
      }
    });

    setTimeout(() => {
      isStale = true;
      if (waiting) waiting.abort();
    }, Number(form.dataset.expires) * 1000);

    // The browser's own list in the name field.
    const conditional = PublicKeyCredential.isConditionalMediationAvailable;
    if ("conditional" in form.dataset && conditional) {
      conditional
        .call(PublicKeyCredential)
        .then((isAvailable) => (isAvailable ? ask("conditional") : null))
        .catch(() => {});
    }
    form.hidden = false;
    for (const element of document.querySelectorAll("[data-without-passkeys]")) element.hidden = true;
    for (const element of document.querySelectorAll("[data-with-passkeys]")) element.hidden = false;
  };

  if (supported) document.querySelectorAll("form[data-passkey]").forEach(enable);
  if (supported) tellBrowser();
})();
