#!/usr/bin/perl
# Mail::DKIM. The same job as python3_dkim.py.
use strict;
use warnings;
use JSON::PP;
use Mail::DKIM::ARC::Verifier;
use Mail::DKIM::Signer;
use Mail::DKIM::Verifier;

# Answers from the job instead of the network.
package Answer { sub new { my ($class, $text) = @_; bless {text => $text}, $class }
                 sub type { 'TXT' } sub char_str_list { ($_[0]{text}) } sub txtdata { $_[0]{text} } }
package main;

sub whole { my ($file) = @_; local $/; return scalar <$file> }
my $job = decode_json(whole(*STDIN));
{
    no warnings 'redefine';
    *Mail::DKIM::DNS::query = sub {
        my ($name, $type) = @_;
        $name =~ s/\.$//;
        my $text = $job->{records}{$name};
        return defined $text ? (Answer->new($text)) : ();
    };
}
my @results;
for my $name (@{$job->{files}}) {
    open my $file, '<:raw', $name or die "$name: $!";
    my $content = whole($file);
    my %options = $job->{key}
        ? (Algorithm => $job->{algorithm}, Method => $job->{canonical}, Domain => $job->{domain},
           Selector => $job->{selector}, KeyFile => $job->{key})
        : ();
    my $dkim = $job->{key} ? Mail::DKIM::Signer->new(%options)
        : $job->{arc} ? Mail::DKIM::ARC::Verifier->new : Mail::DKIM::Verifier->new;
    $dkim->PRINT($content);
    $dkim->CLOSE;
    if ($job->{key}) {
        my $field = $dkim->signature->as_string;
        $field =~ s/\r?\n/\r\n/g;
        push @results, {field => "$field\r\n"};
    } else {
        push @results, {valid => $dkim->result eq 'pass' ? JSON::PP::true : JSON::PP::false, why => $dkim->result_detail};
    }
}
print encode_json(\@results);
