// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Devices with npm's coap and mqtt, for capture_explain.sh: node capture_clients.cjs HOST DIR
'use strict';
const { createRequire } = require('module');
const [host, dir] = process.argv.slice(2);
const load = createRequire(dir + '/');
const coap = load('coap');
const mqtt = load('mqtt');

function ask(options, payload) {
	return new Promise((done) => {
		const request = coap.request({ host, ...options });

		request.on('response', (response) => {
			response.resume?.();
			if (!options.observe) return done();
			setTimeout(() => { response.close(); done(); }, 1500);
		});
		request.on('error', done);
		setTimeout(done, 3000);
		request.end(payload);
	});
}

async function devices() {
	const methods = ['GET', 'PUT', 'POST', 'DELETE', 'FETCH', 'PATCH', 'iPATCH'];

	for (const confirmable of [true, false])
		for (const method of methods)
			await ask({ method, pathname: '/npm', confirmable },
				  /GET|DELETE/.test(method) ? undefined : Buffer.from('{"t":21.5}'));
	await ask({ method: 'GET', pathname: '/.well-known/core', options: { Accept: 'application/link-format' } });
	await ask({ method: 'GET', pathname: '/time', observe: true });
	await ask({ method: 'PUT', pathname: '/example_data' }, Buffer.alloc(300, 'x'));
}

function session(options) {
	return new Promise((done) => {
		const client = mqtt.connect({ host, port: 1883, reconnectPeriod: 0, ...options });
		const topic = 'npm/' + options.protocolVersion;

		client.on('error', () => { client.end(true); done(); });
		client.on('connect', async () => {
			const v5 = options.protocolVersion === 5;

			await client.subscribeAsync([topic + '/#', topic], { qos: 2 });
			for (const qos of [0, 1, 2])
				await client.publishAsync(topic, 'temperature ' + qos, {
					qos, retain: qos === 1,
					properties: v5 ? { userProperties: { unit: 'C' }, messageExpiryInterval: 60 } : undefined,
				});
			await client.publishAsync(topic + '/long', Buffer.alloc(5000, 0x31), { qos: 1 });
			await client.unsubscribeAsync(topic);
			setTimeout(() => client.end(false, {}, done), 1500);
		});
	});
}

async function brokers() {
	await session({ protocolId: 'MQIsdp', protocolVersion: 3, clientId: 'npm3', keepalive: 1 });
	await session({ protocolVersion: 4, keepalive: 1, will: { topic: 'npm/will', payload: 'gone', qos: 1 } });
	await session({ protocolVersion: 5, keepalive: 1, properties: { sessionExpiryInterval: 10 } });
	await session({ protocolVersion: 4, username: 'device', password: 'secret', keepalive: 60 });
}

devices().then(brokers).then(() => process.exit(0));
