# Draws with GD::SecurityImage: perl draw_securityimage.pl FOLDER COUNT SEED; arguments are those of its first example.
use strict;
use warnings;
use GD::SecurityImage;

my ($folder, $count, $seed) = @ARGV;
srand(unpack('%32C*', $seed));
open(my $labels, '>', "$folder/labels.txt") or die $!;
for my $index (0 .. $count - 1) {
    my $captcha = GD::SecurityImage->new(width => 80, height => 30, lines => 10, gd_font => 'giant');
    my ($data, $type, $text) = $captcha->random->create(normal => 'rect')->out(force => 'png');
    open(my $image, '>:raw', sprintf('%s/%05d.png', $folder, $index)) or die $!;
    print $image $data;
    close($image) or die $!;
    print $labels "$text\n";
}
close($labels) or die $!;
