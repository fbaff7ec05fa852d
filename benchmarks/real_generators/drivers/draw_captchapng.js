// Draws with captchapng: node draw_captchapng.js FOLDER COUNT SEED; size, text and colors are those of its only example.
const { writeFileSync } = require('fs')
const { join } = require('path')
const seeded = require('./seeded')
const Captcha = require('captchapng')

const [folder, count, seed] = process.argv.slice(2)
const texts = []
for (let index = 0; index < Number(count); index++) {
  Math.random = seeded(`${seed}/${index}`)
  const text = parseInt(Math.random() * 9000 + 1000)
  const captcha = new Captcha(80, 30, text)
  captcha.color(0, 0, 0, 0)
  captcha.color(80, 80, 80, 255)
  writeFileSync(join(folder, String(index).padStart(5, '0') + '.png'), Buffer.from(captcha.getBase64(), 'base64'))
  texts.push(text)
}
writeFileSync(join(folder, 'labels.txt'), texts.join('\n') + '\n')
