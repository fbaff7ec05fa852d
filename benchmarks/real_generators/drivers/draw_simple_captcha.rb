# Draws with SimpleCaptcha: ruby draw_simple_captcha.rb FOLDER COUNT SEED; its texts are held here, not in a database.
require 'digest'
require 'rails'

# Before the library, which would load one that needs a database.
module SimpleCaptcha
  module SimpleCaptchaData
    Row = Struct.new(:value) { def save; end }
    def self.get_data(key)
      (@rows ||= {})[key] ||= Row.new
    end
  end
end

require 'simple_captcha'
include SimpleCaptcha::ImageHelpers
include SimpleCaptcha::ViewHelper

folder, count, seed = ARGV
texts = (0...count.to_i).map do |index|
  key = "#{seed}/#{index}"
  srand(Digest::SHA256.hexdigest(key).to_i(16))
  set_simple_captcha_data(key)
  File.binwrite(format('%s/%05d.jpg', folder, index), generate_simple_captcha_image(key))
  SimpleCaptcha::Utils.simple_captcha_value(key)
end
File.write("#{folder}/labels.txt", texts.join("\n") + "\n")
