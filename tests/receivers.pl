# What SpamAssassin thinks of mails: tests/receivers.pl SITE HOME PORT FILE...
#
# Prints a line for each file: its name, the score, and the rules that it met with their scores. DNS is asked at PORT of
# 127.0.0.1 alone.
use strict;
use warnings;
use Mail::DMARC::PurePerl;
use Mail::SpamAssassin;
use Net::DNS::Resolver;

my ($site, $home, $port, @files) = @ARGV;
# DMARC is looked up past SpamAssassin's own resolver.
my $names = Net::DNS::Resolver->new(nameservers => ['127.0.0.1'], port => $port);
{
    no warnings 'redefine';
    *Mail::DMARC::Base::get_resolver = sub { $names };
}
my $judge = Mail::SpamAssassin->new({
    rules_filename => '/usr/share/spamassassin',
    site_rules_filename => $site,
    userprefs_filename => "$home/none",
    userstate_dir => $home,
    home_dir_for_helpers => $home,
    dont_copy_prefs => 1,
});
for my $file (@files) {
    my $raw = do { local (@ARGV, $/) = ($file); <> };
    my $mail = $judge->parse($raw);
    my $status = $judge->check($mail);
    my @met = map { "$_=" . $judge->{conf}{scores}{$_} } sort split /,/, $status->get_names_of_tests_hit();
    printf "%s\t%.1f\t%s\n", $file, $status->get_score(), join ' ', @met;
    $status->finish();
    $mail->finish();
}
