// Draws with trek-captcha: node draw_trek.js FOLDER COUNT SEED; its images are GIF files.
const crypto = require('crypto')
const { writeFileSync } = require('fs')
const { join } = require('path')
const seeded = require('./seeded')

// Its random bytes and its color come from here; it takes the function when it is loaded.
const byte = () => Math.floor(Math.random() * 256)
crypto.randomBytes = (size, done) => done(null, Buffer.from(Array.from({ length: size }, byte)))
const captcha = require('trek-captcha')

const [folder, count, seed] = process.argv.slice(2)
const draw = async () => {
  const texts = []
  for (let index = 0; index < Number(count); index++) {
    Math.random = seeded(`${seed}/${index}`)
    const { token, buffer } = await captcha()
    writeFileSync(join(folder, String(index).padStart(5, '0') + '.gif'), buffer)
    texts.push(token)
  }
  writeFileSync(join(folder, 'labels.txt'), texts.join('\n') + '\n')
}
draw()
