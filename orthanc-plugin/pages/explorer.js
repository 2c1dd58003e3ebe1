// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs inside Orthanc Explorer: a button on the page of a study and on that of an instance.
(function () {
  function addButton(kind) {
    $('#' + kind).live('pagebeforecreate', function () {
      var button = $('<a>', { href: '#', text: 'Findings and similar cases' });
      button.attr({ 'data-role': 'button', 'data-icon': 'search', 'data-theme': 'e' });
      button.click(function () {
        var page = $.mobile.pageData;
        if (page && page.uuid) window.open('../chexworld/pages/study.html?' + kind + '=' + encodeURIComponent(page.uuid));
        return false;
      });
      button.insertBefore($('#' + kind + '-delete').parent().parent());
    });
  }
  addButton('study');
  addButton('instance');
}());
